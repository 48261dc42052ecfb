#include "store/store.h"

#include <stdlib.h>
#include <string.h>

uint64_t store_oldest(uint64_t generation)
{
    return generation > STORE_HISTORY ? generation - STORE_HISTORY + 1 : 1;
}

bool store_rows_add(struct store_rows *rows, const char *key, const char *value)
{
    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity ? rows->capacity * 2 : 16;
        struct store_row *grown = reallocarray(rows->items, capacity, sizeof(*rows->items));
        if (!grown)
            return false;
        rows->items = grown;
        rows->capacity = capacity;
    }
    struct store_row row = {.key = strdup(key), .value = value ? strdup(value) : NULL};
    if (!row.key || (value && !row.value)) {
        free(row.key);
        free(row.value);
        return false;
    }
    rows->items[rows->count++] = row;
    return true;
}

void store_rows_clear(struct store_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        free(rows->items[i].key);
        free(rows->items[i].value);
    }
    free(rows->items);
    *rows = (struct store_rows){0};
}

void store_history_clear(struct store_history *history)
{
    for (size_t i = 0; i < history->count; i++)
        free((char *)history->items[i].cause);
    free(history->items);
    *history = (struct store_history){0};
}
