/* What the parts of looking share. */
#pragma once

#include "engine/look.h"

struct look_entry {
    char *name;
    char *path;
    bool open;  /* look at it whoever made it */
    bool adopt; /* ours, if it proves to be */
    uint64_t cookie;
    const struct namespace *asked[2]; /* what documents say of it */
    UT_hash_handle hh;
};

struct look {
    struct job job;
    struct engine *engine;
    struct netns_table *table;
    struct network *actual;
    look_callback *callback;
    void *context;
    struct look_entry *entries;
    struct look_entry *next; /* to be worked on */
    bool read;               /* all are read, and lower links are looked for */
    bool failed;
    struct error error;
};

/* look_lower.c: finds out, for the links of ENTRY that documents speak of, which namespaces those
 * that they stand on are in. False when it fails: look->error says why. */
bool look_find_lowers(struct look *look, const struct look_entry *entry);
