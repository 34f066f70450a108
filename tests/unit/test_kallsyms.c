/* links: plait_symbolize */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "symbolize/kallsyms.h"

static char path[64];

static struct plait_kallsyms *load(const char *text)
{
	snprintf(path, sizeof(path), "/tmp/plait-kallsyms-%d", getpid());
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	struct plait_kallsyms *kallsyms = NULL;
	assert_null(plait_kallsyms_load(path, &kallsyms));
	unlink(path);
	return kallsyms;
}

static void expect(const struct plait_kallsyms *kallsyms, uint64_t address, const char *name, const char *module)
{
	struct plait_kernel_symbol symbol;
	assert_true(plait_kallsyms_find(kallsyms, address, &symbol));
	assert_string_equal(symbol.name, name);
	if (module)
		assert_string_equal(symbol.module, module);
	else
		assert_null(symbol.module);
	assert_true(address >= symbol.start && address - symbol.start < symbol.size);
}

static const char list[] = "ffffffff81000000 T _stext\n"
			   "ffffffff81000000 T _text\n"
			   "ffffffff81000000 T startup_64\n"
			   "ffffffff81000100 t helper\n"
			   "ffffffff81000200 W weak_one\n"
			   "ffffffff81000280 D data_in_between\n"
			   "ffffffff81000300 t do_thing\n"
			   "ffffffff81000300 T __do_thing\n"
			   "ffffffff81000400 T _etext\n"
			   "ffffffff82000000 D more_data\n"
			   "0000000000000000 A fixed_percpu_data\n"
			   "ffffffffc0002000 t mod_b_f\t[mod_b]\n"
			   "ffffffffc0000000 t mod_a_f\t[mod_a]\n"
			   "ffffffffc0000100 t mod_a_g\t[mod_a]\n"
			   "ffffffffc0400000 t bpf_prog_1234_x\t[bpf]\n";

static void functions_are_named_with_their_module(void **state)
{
	(void)state;
	struct plait_kallsyms *kallsyms = load(list);
	assert_null(plait_kallsyms_reason(kallsyms));
	expect(kallsyms, 0xffffffff81000000, "startup_64", NULL);
	expect(kallsyms, 0xffffffff810000ff, "startup_64", NULL);
	expect(kallsyms, 0xffffffff81000100, "helper", NULL);
	expect(kallsyms, 0xffffffff81000290, "weak_one", NULL);
	expect(kallsyms, 0xffffffff81000300, "__do_thing", NULL);
	expect(kallsyms, 0xffffffffc0000050, "mod_a_f", "mod_a");
	expect(kallsyms, 0xffffffffc0000150, "mod_a_g", "mod_a");
	expect(kallsyms, 0xffffffffc0002000, "mod_b_f", "mod_b");
	expect(kallsyms, 0xffffffffc0400000, "bpf_prog_1234_x", "bpf");
	plait_kallsyms_destroy(kallsyms);
}

static void nothing_is_named_where_code_ends(void **state)
{
	(void)state;
	struct plait_kallsyms *kallsyms = load(list);
	struct plait_kernel_symbol symbol;
	assert_false(plait_kallsyms_find(kallsyms, 0xffffffff80ffffff, &symbol));
	assert_false(plait_kallsyms_find(kallsyms, 0xffffffff81000400, &symbol));
	assert_false(plait_kallsyms_find(kallsyms, 0xffffffff82000010, &symbol));
	/* The last function of a module reaches to the end of the page after its own, or to the next module. */
	assert_true(plait_kallsyms_find(kallsyms, 0xffffffffc0001fff, &symbol));
	assert_false(plait_kallsyms_find(kallsyms, 0xffffffffc0004000, &symbol));
	assert_false(plait_kallsyms_find(kallsyms, 0xffffffffc0402000, &symbol));
	assert_false(plait_kallsyms_find(kallsyms, 0, &symbol));
	assert_false(plait_kallsyms_find(kallsyms, UINT64_MAX, &symbol));
	plait_kallsyms_destroy(kallsyms);
}

static void hidden_addresses_are_explained(void **state)
{
	(void)state;
	struct plait_kallsyms *kallsyms = load("0000000000000000 T _stext\n0000000000000000 t helper\n");
	struct plait_kernel_symbol symbol;
	assert_false(plait_kallsyms_find(kallsyms, 0, &symbol));
	assert_int_equal(plait_kallsyms_count(kallsyms), 0);
	assert_non_null(strstr(plait_kallsyms_reason(kallsyms), "kptr_restrict"));
	plait_kallsyms_destroy(kallsyms);
	kallsyms = load("");
	assert_non_null(strstr(plait_kallsyms_reason(kallsyms), "CONFIG_KALLSYMS"));
	plait_kallsyms_destroy(kallsyms);
	assert_null(plait_kallsyms_load("/nonexistent/kallsyms", &kallsyms));
	assert_string_equal(plait_kallsyms_reason(kallsyms),
			    "cannot read /nonexistent/kallsyms: No such file or directory");
	assert_false(plait_kallsyms_find(kallsyms, 1, &symbol));
	plait_kallsyms_destroy(kallsyms);
	plait_kallsyms_destroy(NULL);
}

static void broken_lines_are_passed_over(void **state)
{
	(void)state;
	struct plait_kallsyms *kallsyms = load("\n \nx\nffffffff81000000\nffffffff81000000 \nffffffff81000000 T\n"
					       "ffffffff81000000 T \nffffffff81000000000 T too_long\n"
					       "ffffffff81000000 T ok\nffffffff81000010 t m\t[\n"
					       "ffffffff81000020 t n\t]\nffffffffffffffff T last");
	expect(kallsyms, 0xffffffff81000000, "ok", NULL);
	expect(kallsyms, 0xffffffff81000010, "m", NULL);
	expect(kallsyms, 0xffffffff81000020, "n", NULL);
	assert_int_equal(plait_kallsyms_count(kallsyms), 4);
	plait_kallsyms_destroy(kallsyms);
}

static void the_running_kernel_names_its_functions(void **state)
{
	(void)state;
	struct plait_kallsyms *kallsyms;
	assert_null(plait_kallsyms_load("/proc/kallsyms", &kallsyms));
	const char *reason = plait_kallsyms_reason(kallsyms);
	if (reason) {
		print_message("skipped: %s\n", reason);
		plait_kallsyms_destroy(kallsyms);
		skip();
	}
	/* Whatever /proc/kallsyms says of a function that no kernel lacks must come back. */
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[512], name[400], type;
	unsigned long long address;
	int seen = 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llx %c %399s", &address, &type, name) != 3 || strcmp(name, "vfs_read") != 0)
			continue;
		expect(kallsyms, address, "vfs_read", NULL);
		expect(kallsyms, address + 16, "vfs_read", NULL);
		seen++;
	}
	fclose(file);
	plait_kallsyms_destroy(kallsyms);
	assert_int_equal(seen, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_named_with_their_module),
		cmocka_unit_test(nothing_is_named_where_code_ends),
		cmocka_unit_test(hidden_addresses_are_explained),
		cmocka_unit_test(broken_lines_are_passed_over),
		cmocka_unit_test(the_running_kernel_names_its_functions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
