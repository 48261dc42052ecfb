/* The kinds of messages, which the journal knows by a fixed number each (MESSAGE_ID): netnsd(8)
 * lists them with their fields, systemd/netnsd.catalog tells an administrator what to do. A number
 * is never given to another kind; a new one comes from systemd-id128(1). */
#pragma once

/* The daemon. */
#define LOG_ID_READY "4ff9525e99d74c589a446ca0dd2353d4"
#define LOG_ID_STOPPING "6977a98294ab48ebbacbbd7a963d30c3"
#define LOG_ID_STALLED "da884c60010243f8a381cb32109470a7"

/* Changes of a topology. */
#define LOG_ID_COMMITTED "d534d8a1197148b2a2db0a31fe47f38f"
#define LOG_ID_REMOVED "aa7ef383e2a1402fa6cc1d173bab2c6b"
#define LOG_ID_ROLLED_BACK "03cb0cf4289741c48f39f5715cb58201"
#define LOG_ID_ROLLBACK_INCOMPLETE "59de9c66f414421db570eabb6b34eb5f"
#define LOG_ID_CONFIRMED "0edbfcf10b6149a68947dc1fda278a0a"
#define LOG_ID_UNCONFIRMED "c7dcfe8ed17249f5a87460cb0d601918"
#define LOG_ID_NOT_TAKEN_BACK "867a197f1f3c4c939047fedaccd09835"

/* The start. */
#define LOG_ID_RESTORED "cfa554ce67b841f7bda5b45b79efa3e5"
#define LOG_ID_NOT_RESTORED "2efc8d22578646ee926fab980a90e727"
#define LOG_ID_UNDONE "4042266034b745a2ab4aa12f042af6ac"

/* Files. */
#define LOG_ID_FILE_WRONG "d2e43717bb294efcbc8d5a78af17d390"

/* Drift. */
#define LOG_ID_DRIFT_FOUND "8e766679f49a4cbe9ef81a8ca93d4a41"
#define LOG_ID_DRIFT_REPAIRED "522e616e7dcf4088a36677e90ad0a48e"
#define LOG_ID_DRIFT_CONTENDED "d3eb1492fb50466ba84d50be3bbaf333"
#define LOG_ID_DRIFT_BLOCKED "0dc9b9a9b9c8476c80d04955a04a2abd"
#define LOG_ID_DRIFT_NOT_REPAIRED "e7f2ff5f22634e21b024d0f503b3b9c2"
#define LOG_ID_DRIFT_GONE "4f99d9befd5f481b9a9eba83cece3dbc"
#define LOG_ID_RESYNCED "bb3ea25536a145ac9a6e15fdd618eb48"
#define LOG_ID_UNHEARD "30cd4cf45ebc4a329e1da6e38b641875"
