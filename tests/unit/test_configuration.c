/* netnsd.conf: what is read, and what is said of mistakes. */
#include "files/configuration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <syslog.h>

#include <cmocka.h>

static bool parse(const char *text, struct configuration *configuration, size_t *line,
                  struct error *error)
{
    *error = (struct error){0};
    configuration_default(configuration);
    return configuration_parse(text, strlen(text), configuration, line, error);
}

static void test_values(void **state)
{
    (void)state;
    struct configuration configuration;
    struct error error;
    size_t line;
    assert_true(parse("", &configuration, &line, &error));
    assert_int_equal(configuration.audit, 60);
    assert_int_equal(configuration.log_level, LOG_INFO);
    assert_non_null(strstr(configuration.topologies, "/netnsd/topologies.d"));
    assert_true(parse("# a comment\n\n  Audit = 0\t\nLogLevel=debug\r\n Topologies=/a b/c",
                      &configuration, &line, &error));
    assert_int_equal(configuration.audit, 0);
    assert_int_equal(configuration.log_level, LOG_DEBUG);
    assert_string_equal(configuration.topologies, "/a b/c");
}

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line;
        const char *says;
    } cases[] = {
        {"Audit", 1, "KEY=VALUE"},
        {"\n[Manager]\n", 2, "KEY=VALUE"},
        {"audit=1\n", 1, "there is no \"audit\"; there are Audit, LogLevel and Topologies"},
        {"Audit=1\n#\nAudit=1\n", 3, "Audit is said twice"},
        {"Audit=", 1, "Audit: \"\" is no number of seconds from 0 to 86400"},
        {"Audit=86401", 1, "86400"},
        {"Audit=-1", 1, "86400"},
        {"Audit=1 # often", 1, "86400"},
        {"Audit=99999999999999999999", 1, "86400"},
        {"\n\nLogLevel=loud", 3, "LogLevel: \"loud\" is not error, warning, notice, info or debug"},
        {"Topologies=here", 1, "Topologies: \"here\" is no path that begins with \"/\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct configuration configuration;
        struct error error;
        size_t line;
        if (parse(cases[i].text, &configuration, &line, &error))
            fail_msg("\"%s\" was read", cases[i].text);
        if (line != cases[i].line || !strstr(error.text, cases[i].says))
            fail_msg("\"%s\": line %zu: %s", cases[i].text, line, error.text);
    }
}

static void test_no_text(void **state)
{
    (void)state;
    struct configuration configuration;
    struct error error = {0};
    size_t line;
    configuration_default(&configuration);
    assert_false(configuration_parse("Audit=1\0", 8, &configuration, &line, &error));
    assert_string_equal(error.text, "it is no text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values),
                                       cmocka_unit_test(test_mistakes),
                                       cmocka_unit_test(test_no_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
