/* Topology documents: what is taken is written in a form that reads as itself, and can be planned;
 * what is refused is told why. */
#include "fuzz.h"

#include "common/cleanup.h"
#include "model/document.h"
#include "model/plan.h"

#include <string.h>

static const uint8_t machine_id[16];

static void check_plan(struct network *network)
{
    struct error error = {0};
    auto_network struct network *actual = network_new(NULL);
    const struct plan_input input = {.desired = network, .actual = actual};
    auto_plan struct plan *plan = plan_build(&input, &error);
    PROMISE(plan || error.text[0]);
}

static void check_round_trip(const struct network *network)
{
    struct problems problems = {0};
    auto_json struct json_object *written = document_write(network);
    auto_network struct network *again =
        document_read("fuzz", written, machine_id, network, &problems);
    PROMISE(again);
    auto_json struct json_object *rewritten = document_write(again);
    PROMISE(json_object_equal(written, rewritten));
    problems_clear(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems = {0};
    auto_json struct json_object *document = json_parse((const char *)data, size, &problems);
    if (document) {
        auto_network struct network *network =
            document_read("fuzz", document, machine_id, NULL, &problems);
        PROMISE((network != NULL) == (problems.errors == 0));
        if (network) {
            check_round_trip(network);
            check_plan(network);
        }
    }
    problems_clear(&problems);
    return 0;
}
