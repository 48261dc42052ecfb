#include "engine/drift.h"

#include <stdlib.h>
#include <string.h>

/* Comparisons of one or all topologies that somebody waits for. */
struct comparison {
    struct engine *engine;
    char *topology; /* NULL: all */
    bool repair;
    uint64_t since; /* engine->comparisons, when it began */
    comparison_callback *callback;
    void *context;
    size_t pending;
    struct drift_summary *differences; /* their strings and changes are owned */
    size_t count;
    char **unheard; /* pointers, owned */
    size_t unheard_count;
    char *failed; /* the topology whose comparison failed first; NULL: none */
    struct error error;
};

/* A topology, or, when something in it keeps it from being compared or repaired as a whole, a
 * namespace of it, or, when that is so there, a link or the rest of that. */
struct part {
    struct comparison *comparison;
    char *topology;
    bool piece;
    char *namespace; /* that the piece is; NULL: it is less */
};

static void summarise(const char *topology, const struct drift_item *item,
                      struct drift_summary *summary)
{
    *summary = (struct drift_summary){
        .topology = topology,
        .pointer = item->pointer,
        .change = item->change,
        .message = item->present ? item->message : NULL,
        .state = DRIFT_FOUND,
        .since = item->since,
        .last_change = item->last_change,
        .repairs = item->repairs,
    };
    if (!item->present)
        summary->state = DRIFT_REPAIRED;
    else if (item->blocked)
        summary->state = DRIFT_BLOCKED;
    else if (item->reported)
        summary->state = DRIFT_REPORTED;
    else if (item->repairs >= DRIFT_CONTENDED_REPAIRS)
        summary->state = DRIFT_CONTENDED;
}

void engine_each_drift(struct engine *engine, const char *topology, drift_callback *each,
                       void *context)
{
    for (const struct topology *found = engine->topologies; found; found = found->hh.next) {
        const struct drift_item *item, *next;
        if (topology && strcmp(found->name, topology) != 0)
            continue;
        HASH_ITER (hh, found->drift, item, next) {
            struct drift_summary summary;
            summarise(found->name, item, &summary);
            if (item->present && !each(context, &summary))
                return;
        }
    }
}

static void comparison_free(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->count; i++) {
        free((char *)comparison->differences[i].topology);
        free((char *)comparison->differences[i].pointer);
        free((char *)comparison->differences[i].message);
        json_object_put(comparison->differences[i].change);
    }
    free(comparison->differences);
    for (size_t i = 0; i < comparison->unheard_count; i++)
        free(comparison->unheard[i]);
    free(comparison->unheard);
    free(comparison->failed);
    free(comparison->topology);
    free(comparison);
}

static bool keep(struct comparison *comparison, const char *topology, const struct drift_item *item)
{
    struct drift_summary *grown = reallocarray(comparison->differences, comparison->count + 1,
                                               sizeof(*comparison->differences));
    if (!grown)
        return false;
    comparison->differences = grown;
    struct drift_summary *kept = &grown[comparison->count++];
    summarise(topology, item, kept);
    kept->topology = strdup(topology);
    kept->pointer = strdup(item->pointer);
    kept->message = kept->message ? strdup(kept->message) : NULL;
    kept->change = json_object_get(item->change);
    return kept->topology && kept->pointer;
}

static void note_failure(struct comparison *comparison, const char *topology,
                         const struct error *error)
{
    if (comparison->failed)
        return;
    comparison->failed = strdup(topology);
    comparison->error = *error;
}

static bool is_asked(const struct comparison *comparison, const struct topology *topology)
{
    return topology->generation &&
           (!comparison->topology || strcmp(topology->name, comparison->topology) == 0);
}

/* What differs, or did until this put it right. */
static bool keep_differences(struct comparison *comparison)
{
    const struct topology *each = comparison->engine->topologies;
    for (; each; each = each->hh.next) {
        const struct drift_item *item, *next;
        struct drift_item *items = is_asked(comparison, each) ? each->drift : NULL;
        HASH_ITER (hh, items, item, next) {
            bool repaired = comparison->repair && item->noted > comparison->since;
            if ((item->present || repaired) && !keep(comparison, each->name, item))
                return false;
        }
    }
    return true;
}

static bool keep_unheard(struct comparison *comparison, char *const *pointers)
{
    for (; pointers && *pointers; pointers++) {
        char **grown = reallocarray(comparison->unheard, comparison->unheard_count + 1,
                                    sizeof(*comparison->unheard));
        if (!grown)
            return false;
        comparison->unheard = grown;
        if (!(grown[comparison->unheard_count] = strdup(*pointers)))
            return false;
        comparison->unheard_count++;
    }
    return true;
}

static void finish(struct comparison *comparison)
{
    if (--comparison->pending)
        return;
    if (!keep_differences(comparison)) {
        struct error error = {0};
        error_memory(&error);
        note_failure(comparison, "", &error);
    }
    const struct comparison_result result = {
        .differences = comparison->differences,
        .count = comparison->count,
        .unheard = comparison->unheard,
        .unheard_count = comparison->unheard_count,
        .topology = comparison->failed,
        .error = comparison->error.code ? &comparison->error : NULL,
    };
    comparison->callback(comparison->context, &result);
    comparison_free(comparison);
}

static void begin_pieces(struct comparison *comparison, const struct part *part);

static void part_free(struct part *part)
{
    free(part->topology);
    free(part->namespace);
    free(part);
}

static void part_done(void *context, const struct change_result *result)
{
    struct part *part = context;
    struct comparison *comparison = part->comparison;
    struct error memory = {0};
    bool blocked = result->error && drift_is_blocked(result->error);
    bool divisible = !part->piece || part->namespace;
    if (divisible && (blocked || (result->error && comparison->repair))) {
        begin_pieces(comparison, part);
    } else if (result->error && !blocked) {
        note_failure(comparison, part->topology, result->error);
    } else if (!keep_unheard(comparison, result->unheard)) {
        error_memory(&memory);
        note_failure(comparison, part->topology, &memory);
    }
    part_free(part);
    finish(comparison);
}

static struct part *part_new(struct comparison *comparison, const struct topology *topology,
                             const struct dirty *dirty)
{
    struct part *part = calloc(1, sizeof(*part));
    const char *namespace = dirty ? dirty_namespace(dirty) : NULL;
    if (!part)
        return NULL;
    part->comparison = comparison;
    part->piece = dirty;
    part->topology = strdup(topology->name);
    part->namespace = namespace ? strdup(namespace) : NULL;
    if (part->topology && (part->namespace || !namespace))
        return part;
    part_free(part);
    return NULL;
}

/* DIRTY (taken over) is the piece; NULL: all. */
static void begin_part(struct comparison *comparison, struct topology *topology,
                       struct dirty *dirty)
{
    struct part *part = part_new(comparison, topology, dirty);
    comparison->pending++;
    if (part &&
        transaction_compare(comparison->engine, topology, dirty,
                            comparison->repair ? REPAIR_ALL : REPAIR_NEVER, part_done, part))
        return;
    if (part)
        part_free(part);
    else
        dirty_clear(&dirty);
    comparison->pending--;
    struct error error = {0};
    if (comparison->engine->stopping)
        error_set(&error, ERROR_BUSY, 0, "netnsd is stopping: try again when it is back");
    else
        error_memory(&error);
    note_failure(comparison, topology->name, &error);
}

/* What PART is made of. */
static struct dirty *divide(struct topology *topology, const struct part *part)
{
    struct dirty *pieces = NULL;
    if (!part->namespace)
        return drift_all(topology);
    if (!dirty_add(&pieces, part->namespace, NULL) || !dirty_split(&pieces, topology->network))
        dirty_clear(&pieces);
    return pieces;
}

static void begin_pieces(struct comparison *comparison, const struct part *part)
{
    struct topology *topology = topology_find(comparison->engine, part->topology);
    auto_dirty struct dirty *all = topology ? divide(topology, part) : NULL;
    struct dirty *piece;
    while ((piece = dirty_take(&all, 1)))
        begin_part(comparison, topology, piece);
    transactions_schedule(comparison->engine);
}

void engine_compare(struct engine *engine, const char *topology, bool repair,
                    comparison_callback *callback, void *context)
{
    struct comparison *comparison = calloc(1, sizeof(*comparison));
    char *name = topology ? strdup(topology) : NULL;
    if (!comparison || (topology && !name)) {
        struct error error = {0};
        error_memory(&error);
        free(comparison);
        callback(context, &(struct comparison_result){.topology = "", .error = &error});
        return;
    }
    *comparison = (struct comparison){
        .engine = engine,
        .topology = name,
        .repair = repair,
        .since = engine->comparisons,
        .callback = callback,
        .context = context,
        .pending = 1,
    };
    for (struct topology *each = engine->topologies; each; each = each->hh.next) {
        if (is_asked(comparison, each))
            begin_part(comparison, each, NULL);
    }
    transactions_schedule(engine);
    finish(comparison);
}
