/* links: plait_perf plait_common */
/* Lists of events and groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "perf/event/event.h"

static struct plait_event_list parse(const char *text)
{
	struct plait_event_list list = { 0 };
	struct plait_error *error = plait_event_list_parse(&list, text);
	if (error)
		fail_msg("%s: %s", text, error->message);
	return list;
}

static void refused(const char *text, const char *message)
{
	struct plait_event_list list = parse("cpu-clock");
	struct plait_error *error = plait_event_list_parse(&list, text);
	if (!error)
		fail_msg("'%s' is taken", text);
	if (error->code != PLAIT_ERROR_USAGE || !strstr(error->message, message))
		fail_msg("'%s': '%s' lacks '%s'", text, error->message, message);
	plait_error_free(error);
	assert_int_equal(list.specs.count, 1);
	plait_event_list_release(&list);
}

static void test_group(void **state)
{
	(void)state;
	struct plait_event_list list = parse("page-faults,{cycles,instructions:u,cache-misses},cs");
	assert_int_equal(list.specs.count, 5);
	assert_int_equal(list.specs.data[0].leader, PLAIT_EVENT_ALONE);
	for (size_t i = 1; i < 4; i++) {
		assert_int_equal(list.specs.data[i].leader, 1);
		assert_false(list.specs.data[i].counting);
	}
	assert_int_equal(list.specs.data[4].leader, PLAIT_EVENT_ALONE);
	assert_true(list.specs.data[2].exclude_kernel && !list.specs.data[1].exclude_kernel);
	assert_string_equal(list.specs.data[2].name, "instructions:u");
	plait_event_list_release(&list);
}

static void test_sampling_group(void **state)
{
	(void)state;
	struct plait_event_list list = parse("{cycles@1000,instructions}:S,{cpu-clock,page-faults}:uS");
	assert_int_equal(list.specs.count, 4);
	const struct plait_event_spec *specs = list.specs.data;
	assert_true(!specs[0].counting && specs[1].counting && !specs[2].counting && specs[3].counting);
	assert_int_equal(specs[0].leader, 0);
	assert_int_equal(specs[1].leader, 0);
	assert_int_equal(specs[3].leader, 2);
	assert_true(specs[2].exclude_kernel && specs[3].exclude_kernel && !specs[1].exclude_kernel);
	assert_string_equal(specs[3].name, "page-faults:u");
	for (size_t i = 0; i < 4; i++)
		plait_event_set_rate(&list.specs.data[i], 100, 0);
	assert_int_equal(specs[0].period, 1000);
	assert_true(!specs[1].period && !specs[1].frequency); /* it does not sample */
	assert_int_equal(specs[2].frequency, 100);
	plait_event_list_release(&list);
}

/* A later list's leaders count on. */
static void test_two_lists(void **state)
{
	(void)state;
	struct plait_event_list list = parse("cs");
	assert_null(plait_event_list_parse(&list, "{cycles,instructions}:S"));
	assert_int_equal(list.specs.data[2].leader, 1);
	plait_event_list_release(&list);
}

static void test_wrong_lists(void **state)
{
	(void)state;
	static const char *const wrong[][2] = {
		{ "{cycles,instructions", "closing brace" },
		{ "cycles,instructions}", "no event" },
		{ "{}", "empty" },
		{ "{cycles,}", "empty" },
		{ "{cycles}x", "comma or a colon" },
		{ "{cycles}:", "behind the colon" },
		{ "{cycles,{instructions}}", "cannot be in a group" },
		{ "{cycles,instructions}:q", "unknown modifier 'q'" },
		{ "{cycles,instructions@5}:S", "have no rate" },
		{ "{cpu-clock,page-faults}:p", "counted by the kernel" },
		{ "{cycles}:S,", "empty" },
		{ "cs,nonsense", "no event 'nonsense'" },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refused(wrong[i][0], wrong[i][1]);
	char many[1000] = "{cs";
	for (int i = 0; i < 64; i++)
		strcat(many, ",cs");
	refused(strcat(many, "}"), "at most 64");
}

/* Whatever bytes come: taken, or refused with a sentence, and nothing leaks. */
static void test_any_bytes(void **state)
{
	(void)state;
	static const char alphabet[] = "{}:,@/S.u9k-=cyles";
	uint64_t random = 88172645463325252u;
	for (int i = 0; i < 2000; i++) {
		char text[24];
		size_t length = i % (sizeof(text) - 1);
		for (size_t j = 0; j < length; j++) {
			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			text[j] = alphabet[random % (sizeof(alphabet) - 1)];
		}
		text[length] = '\0';
		struct plait_event_list list = { 0 };
		struct plait_error *error = strchr(text, '/') ? NULL : plait_event_list_parse(&list, text);
		assert_true(!error || *error->message);
		plait_error_free(error);
		plait_event_list_release(&list);
	}
}

/* What this host has not is refused with the group's events and the reason; what it has can be parsed. */
static void test_predefined(void **state)
{
	(void)state;
	static const char *const names[] = { "ipc", "cache", "branch", "tlb", "topdown" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *text = NULL;
		struct plait_error *error = plait_event_predefined(names[i], &text);
		if (error) {
			if (!strstr(error->message, names[i]) || !error->advice)
				fail_msg("%s: %s", names[i], error->message);
			assert_int_not_equal(error->code, PLAIT_ERROR_USAGE);
			plait_error_free(error);
			continue;
		}
		struct plait_event_list list = parse(text);
		assert_true(list.specs.count >= 2 && list.specs.data[1].counting);
		plait_event_list_release(&list);
	}
	const char *text;
	struct plait_error *error = plait_event_predefined("ips", &text);
	assert_int_equal(error->code, PLAIT_ERROR_USAGE);
	assert_non_null(strstr(error->advice, "ipc, cache"));
	plait_error_free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_group),	  cmocka_unit_test(test_sampling_group),
		cmocka_unit_test(test_two_lists), cmocka_unit_test(test_wrong_lists),
		cmocka_unit_test(test_any_bytes), cmocka_unit_test(test_predefined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
