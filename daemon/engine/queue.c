#include "engine/transaction.h"

#include "common/log.h"
#include "engine/confirm.h"
#include "engine/drift.h"
#include "engine/history.h"
#include "engine/mirror.h"
#include "model/document.h"
#include "model/network_cut.h"
#include "model/part.h"

#include <stdlib.h>
#include <string.h>

static bool check_generation(struct transaction *transaction)
{
    uint64_t generation = transaction->topology ? transaction->topology->generation : 0;
    bool must_exist = transaction->type == CHANGE_REMOVE || transaction->type == CHANGE_REVERT;
    if (must_exist && !generation)
        return error_set(&transaction->error, ERROR_NOT_FOUND, 0, "there is no topology \"%s\"",
                         transaction->name);
    if (transaction->has_generation && transaction->expected_generation != generation)
        return error_set(
            &transaction->error, ERROR_GENERATION, 0,
            "topology \"%s\" is at generation %llu, not %llu: somebody changed it; look at it "
            "again",
            transaction->name, (unsigned long long)generation,
            (unsigned long long)transaction->expected_generation);
    return true;
}

/* A topology is changed by whom it was made: by its file, or by calls. Anybody may ask what a
 * change would do. */
static bool check_file(struct transaction *transaction)
{
    const struct topology *topology = transaction->topology;
    const char *file = topology ? topology->file : NULL;
    if (!topology || !topology->generation || !file == !transaction->file ||
        (file && transaction->dry_run))
        return true;
    transaction->other = file ? file : transaction->file;
    return file ? error_set(&transaction->error, ERROR_MANAGED, 0,
                            "topology \"%s\" is what %s says: change that file, then run "
                            "'netnsctl reload'",
                            transaction->name, file)
                : error_set(&transaction->error, ERROR_MANAGED, 0,
                            "topology \"%s\" was made by a call already: remove it first "
                            "('netnsctl delete %s'), or give the file another name",
                            transaction->name, transaction->name);
}

/* The document that the request amounts to; a new reference. */
static struct json_object *requested_document(struct transaction *transaction)
{
    if (transaction->text)
        return json_parse_scanned(transaction->text->bytes, transaction->text->length,
                                  &transaction->problems);
    if (transaction->type == CHANGE_REVERT)
        return json_object_get(transaction->document);
    auto_json struct json_object *document = transaction->type == CHANGE_PATCH
                                                 ? document_write(transaction->previous)
                                                 : json_object_new_object();
    if (!document ||
        (transaction->type == CHANGE_PATCH && !json_merge(&document, transaction->document)))
        return NULL;
    return TAKE(document);
}

struct settling {
    const struct engine *engine;
    struct dirty *unsettled;
};

/* Is NAMESPACE known to be as it is wanted? Of sysctls, and of what else is wanted in shared
 * namespaces than links, the kernel does not tell. */
static bool is_settled(void *context, const struct namespace *namespace)
{
    const struct settling *settling = context;
    bool untold = namespace->sysctls ||
                  (namespace_is_shared(namespace) && (namespace->routes || namespace->rules));
    return !untold && !dirty_has(settling->unsettled, namespace->name, NULL) &&
           mirror_knows(settling->engine, namespace);
}

/* What a document describes otherwise than before, or of what may not be as it describes; NULL when
 * that cannot be told. */
static struct json_object *described_by_text(const struct transaction *transaction)
{
    auto_dirty struct dirty *unsettled = NULL;
    mirror_drain(transaction->engine);
    mirror_drain_names(transaction->engine);
    if (!drift_unsettled(transaction->engine, transaction->topology, &unsettled))
        return NULL;
    struct settling settling = {.engine = transaction->engine, .unsettled = unsettled};
    return part_of_text(transaction->topology->network, transaction->text, is_settled, &settling);
}

/* A change is read together with what it is about alone, where that says all that the whole would
 * say. A topology that is not as it should be is changed as a whole. */
static bool read_part(struct transaction *transaction)
{
    const struct topology *topology = transaction->topology;
    bool patch = transaction->type == CHANGE_PATCH;
    if (transaction->whole || !(patch || transaction->text) || !topology || !topology->generation ||
        topology->message)
        return false;
    auto_json struct json_object *described =
        patch ? part_of_patch(topology->network, transaction->document)
              : described_by_text(transaction);
    if (!described ||
        !part_read(topology->network, described, transaction->engine->machine_id.bytes,
                   &transaction->owned_previous, &transaction->desired, &transaction->problems))
        return false;
    log_about(LOG_DEBUG, &(struct log_subject){.topology = transaction->name},
              "the change is about %d of its namespaces", json_object_object_length(described));
    transaction->previous = transaction->owned_previous;
    transaction->partial = true;
    return true;
}

/* On the planner thread, when it is large: a topology that is claimed stays as it is. */
static bool read_document(struct transaction *transaction)
{
    auto_json struct json_object *document = requested_document(transaction);
    if (!document)
        return error_memory(&transaction->error);
    const struct topology *topology = transaction->topology;
    transaction->desired =
        document_read(transaction->name, document, transaction->engine->machine_id.bytes,
                      topology ? topology->network : NULL, &transaction->problems);
    if (!transaction->desired && transaction->problems.out_of_memory)
        return error_memory(&transaction->error);
    if (!transaction->desired)
        return error_set(&transaction->error, ERROR_INVALID, 0, "the document is wrong");
    return true;
}

/* What stays keeps what is known about it. */
static bool inherit(const struct network *previous, struct network *desired, struct error *error)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, desired->namespaces, namespace, next) {
        const struct namespace *old = network_namespace(previous, namespace->name);
        if (!old)
            continue;
        namespace->cookie = old->cookie;
        namespace->number = old->number;
        struct sysctl *sysctl, *next_sysctl;
        HASH_ITER (hh, namespace->sysctls, sysctl, next_sysctl) {
            const struct sysctl *found = namespace_sysctl(old, sysctl->path);
            if (!sysctl->earlier && found && found->earlier &&
                !(sysctl->earlier = strdup(found->earlier)))
                return error_memory(error);
        }
    }
    return true;
}

static bool claim_objects(struct transaction *transaction)
{
    return (claim_keys_add_network(&transaction->object_keys, transaction->desired) &&
            claim_keys_add_network(&transaction->object_keys, transaction->previous)) ||
           error_memory(&transaction->error);
}

/* When it cannot be read, transaction->error says why. */
static void read_whole(struct transaction *transaction)
{
    if (read_document(transaction) &&
        inherit(transaction->previous, transaction->desired, &transaction->error))
        claim_objects(transaction);
}

/* A topology that is compared may have gone meanwhile. */
static bool read_recovery(struct transaction *transaction)
{
    const struct topology *topology = transaction->topology;
    if (!topology)
        return error_set(&transaction->error, ERROR_NOT_FOUND, 0, "there is no topology \"%s\"",
                         transaction->name);
    transaction->partial = transaction->dirty;
    transaction->cut = transaction->partial ? dirty_cut(transaction->dirty, topology->network)
                                            : network_cut_all(topology->network);
    if (!transaction->cut)
        return error_memory(&transaction->error);
    transaction->desired = transaction->cut;
    transaction->previous =
        transaction->owned_previous ? transaction->owned_previous : transaction->desired;
    return true;
}

/* With the topology claimed, it is known what is asked. What is desired is known when that is read:
 * at once, when it is a part. */
static bool read_transaction(struct transaction *transaction)
{
    struct topology *topology = topology_find(transaction->engine, transaction->name);
    transaction->topology = topology;
    if (topology)
        topology->changing = true;
    if (transaction->recovery)
        return read_recovery(transaction);
    if (!topology && !(transaction->owned_previous = network_new(transaction->name)))
        return error_memory(&transaction->error);
    transaction->previous = topology ? topology->network : transaction->owned_previous;
    if (!check_generation(transaction) || !check_file(transaction) || !confirm_check(transaction))
        return false;
    return !read_part(transaction) ||
           inherit(transaction->previous, transaction->desired, &transaction->error);
}

static void begin_anew(struct transaction *transaction)
{
    transaction_release_claims(transaction);
    make_ahead_free(TAKE(transaction->ahead));
    plan_free(TAKE(transaction->plan));
    network_free(TAKE(transaction->before));
    network_free(TAKE(transaction->desired));
    network_free(TAKE(transaction->owned_previous));
    transaction->previous = NULL;
    claim_keys_clear(&transaction->object_keys);
    problems_clear(&transaction->problems);
    store_rows_clear(&transaction->rows);
    transaction->topology->changing = false;
    transaction->partial = false;
    transaction->whole = true;
    transaction->running = transaction->claimed = false;
    transactions_schedule(transaction->engine);
}

static void let_go(struct transaction *transaction)
{
    transaction_let_go(transaction, begin_anew);
}

void transaction_read_whole(struct transaction *transaction)
{
    log_about(LOG_DEBUG, &(struct log_subject){.topology = transaction->name},
              "the change is about more than it describes");
    transaction_give_back(transaction, let_go);
}

/* Has its claims: nobody else touches what it names from here on. */
static void begin(struct transaction *transaction)
{
    transaction->running = transaction->claimed = true;
    bool new = !transaction->recovery || transaction->owned_previous;
    if (new && (!ownership_check(transaction->engine, transaction->topology, transaction->previous,
                                 transaction->desired, &transaction->other, &transaction->error) ||
                !ownership_check_ports(transaction->engine, transaction->topology,
                                       transaction->desired, &transaction->problems))) {
        transaction_refuse(transaction);
        return;
    }
    transaction_begin(transaction);
}

static void read_done(struct transaction *transaction)
{
    transaction->running = false;
    if (transaction->error.code)
        transaction_refuse(transaction);
    else
        transactions_schedule(transaction->engine);
}

/* Reads what is not read yet: a document from the past, or a whole one. */
static void read_further(struct transaction *transaction)
{
    if (transaction->type == CHANGE_REVERT && !transaction->document) {
        history_fetch(transaction);
        return;
    }
    transaction->running = true;
    transaction_think(transaction, transaction_reads_much(transaction), read_whole, read_done);
}

/* Takes what claims it can; *BEGUN says that it has them all, or its document is being read, or it
 * is over. */
static void try_to_begin(struct transaction *transaction, struct claim **reserved, bool *begun)
{
    struct engine *engine = transaction->engine;
    bool out_of_memory = false;
    *begun = true;
    if (!transaction->desired) {
        if (claims_conflict(*reserved, &transaction->topology_key, transaction) ||
            !claims_take(&engine->claims, &transaction->topology_key, transaction,
                         &out_of_memory)) {
            *begun = out_of_memory;
            if (out_of_memory)
                transaction_refuse_memory(transaction);
            return;
        }
        if (!read_transaction(transaction)) {
            transaction_refuse(transaction);
            return;
        }
        if (!transaction->desired) {
            read_further(transaction);
            return;
        }
        if (!claim_objects(transaction)) {
            transaction_refuse(transaction);
            return;
        }
    }
    if (!claims_conflict(*reserved, &transaction->object_keys, transaction) &&
        claims_take(&engine->claims, &transaction->object_keys, transaction, &out_of_memory)) {
        begin(transaction);
        return;
    }
    *begun = out_of_memory;
    if (out_of_memory)
        transaction_refuse_memory(transaction);
}

/* One pass over those that wait; what an earlier one waits for is reserved from later ones. True
 * when one began, or ended: then there may be more to do. */
static bool schedule_once(struct engine *engine)
{
    struct claim *reserved = NULL;
    bool begun = false;
    struct transaction *each = engine->transactions, *next;
    for (; each && !begun; each = next) {
        next = each->next; /* EACH may end */
        if (each->running)
            continue;
        try_to_begin(each, &reserved, &begun);
        bool ignored;
        if (!begun)
            claims_take(&reserved, each->desired ? &each->object_keys : &each->topology_key, each,
                        &ignored);
    }
    claims_clear(&reserved);
    return begun;
}

static struct transaction *first_waiting(const struct engine *engine)
{
    struct transaction *transaction = engine->transactions;
    while (transaction && transaction->running)
        transaction = transaction->next;
    return transaction;
}

static void refuse_waiting(const struct engine *engine)
{
    struct transaction *transaction;
    while ((transaction = first_waiting(engine))) {
        error_set(&transaction->error, ERROR_BUSY, 0,
                  "netnsd is stopping: try again when it is back");
        transaction_refuse(transaction);
    }
}

void transactions_schedule(struct engine *engine)
{
    if (engine->scheduling)
        return;
    engine->scheduling = true;
    while (!engine->stopping && schedule_once(engine))
        ;
    if (engine->stopping)
        refuse_waiting(engine);
    engine->scheduling = false;
}

static void append(struct transaction *transaction)
{
    struct transaction **end = &transaction->engine->transactions;
    while (*end)
        end = &(*end)->next;
    *end = transaction;
}

static struct transaction *transaction_new(struct engine *engine, const char *name,
                                           const char *file, change_callback *callback,
                                           void *context)
{
    struct transaction *transaction = calloc(1, sizeof(*transaction));
    if (!transaction)
        return NULL;
    transaction->engine = engine;
    transaction->callback = callback;
    transaction->context = context;
    transaction->name = strdup(name);
    transaction->file = file ? strdup(file) : NULL;
    transaction->park_group =
        PARK_GROUP_FIRST + engine->next_park_group++ % (PARK_GROUP_LAST - PARK_GROUP_FIRST + 1);
    if (!transaction->name || (file && !transaction->file) ||
        !claim_keys_add_topology(&transaction->topology_key, name)) {
        free(transaction->name);
        free(transaction->file);
        claim_keys_clear(&transaction->topology_key);
        free(transaction);
        return NULL;
    }
    return transaction;
}

static void refuse_request(const struct error *error, change_callback *callback, void *context)
{
    const struct problems none = {0};
    callback(context,
             &(struct change_result){.outcome = CHANGE_REFUSED, .problems = &none, .error = error});
}

void transaction_start(struct engine *engine, const struct change_request *request,
                       change_callback *callback, void *context)
{
    struct error error = {0};
    if (engine->stopping)
        error_set(&error, ERROR_BUSY, 0, "netnsd is stopping: try again when it is back");
    else if (!topology_name_valid(request->topology))
        error_set(&error, ERROR_INVALID, 0,
                  "\"%s\" cannot be the name of a topology: use letters, digits, \"-\", \"_\" and "
                  "\".\", at most 64 of them, and no \".\" at the beginning",
                  request->topology);
    struct transaction *transaction =
        error.code ? NULL
                   : transaction_new(engine, request->topology, request->file, callback, context);
    if (!transaction) {
        if (!error.code)
            error_memory(&error);
        refuse_request(&error, callback, context);
        return;
    }
    transaction->planned = request->planned;
    transaction->type = request->type;
    transaction->text = json_text_get(request->text);
    transaction->document = json_object_get(request->patch);
    transaction->dry_run = request->dry_run;
    transaction->has_generation = request->has_generation;
    transaction->expected_generation = request->generation;
    transaction->to = request->to;
    transaction->confirm_seconds = request->confirm_seconds;
    transaction->kill = request->kill;
    transaction->unconfirmed = request->unconfirmed;
    append(transaction);
    transactions_schedule(engine);
}

/* Was anything of TOPOLOGY made since the machine was booted? */
static bool made_in_this_boot(const struct topology *topology)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, topology->network->namespaces, namespace, next) {
        if (namespace->cookie)
            return true;
    }
    return false;
}

bool transaction_recover(struct engine *engine, struct topology *topology, struct network *previous,
                         bool intended)
{
    struct transaction *transaction = transaction_new(engine, topology->name, NULL, NULL, NULL);
    if (!transaction) {
        network_free(previous);
        return false;
    }
    transaction->recovery = true;
    transaction->repair = !intended && made_in_this_boot(topology) ? REPAIR_WANTED : REPAIR_NONE;
    transaction->owned_previous = previous;
    transaction->intended = intended;
    append(transaction);
    return true;
}

bool transaction_compare(struct engine *engine, struct topology *topology, struct dirty *dirty,
                         enum repair_mode mode, change_callback *callback, void *context)
{
    struct transaction *transaction =
        engine->stopping ? NULL : transaction_new(engine, topology->name, NULL, callback, context);
    if (!transaction) {
        dirty_clear(&dirty);
        return false;
    }
    transaction->recovery = true;
    transaction->repair = mode;
    transaction->dirty = dirty;
    append(transaction);
    return true;
}
