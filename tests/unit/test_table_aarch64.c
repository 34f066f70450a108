/* links: plait_perf plait_fixture_elf */
/*
 * What libdw says of AArch64 tables, as rules: pure, so on any machine.
 */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "fixtures/elf_writer.h"
#include "perf/unwind/table.h"

enum { FP = 29, LR = 30, SP = 31 };

static const struct plait_unwind_arch *const arch = &plait_unwind_arch_aarch64;
static struct plait_rule_pool pool;
static struct plait_table *table;
static uint8_t *image;

/* sp + value, and where a register is saved from there; 0: nowhere. */
static void assert_rule(uint64_t address, int cfa, uint8_t target, int saved)
{
	struct plait_rule rule;
	assert_true(plait_table_rule(table, arch, &pool, address, &rule));
	assert_int_equal(rule.cfa.kind, PLAIT_RULE_IS_REGISTER);
	assert_int_equal(rule.cfa.source, SP);
	assert_int_equal(rule.cfa.value, cfa);
	const struct plait_rule_entry *entry = plait_rule_find(&rule, target);
	assert_int_equal(entry ? entry->kind : PLAIT_RULE_AT_CFA, PLAIT_RULE_AT_CFA);
	assert_int_equal(entry ? entry->value : 0, saved);
}

static int set_up(void **state)
{
	(void)state;
	/* As glibc's _dl_runtime_resolve: the words of the procedure linkage table are not counted. */
	static const uint8_t resolver[] = {
		0x44,	  0x11, 30,   0x7f, /* advance 4: x30 at CFA + 8 (DW_CFA_offset_extended_sf) */
		0x44,	  0x0e, 0xd0, 1,    /* advance 4: CFA = sp + 208 */
		0x80 | 8, 26,		    /* x8 at CFA - 208 */
		0x44,	  0x0e, 0,	    /* advance 4: CFA = sp */
		0x44,	  0x13, 2,	    /* advance 4: CFA = sp - 16 (DW_CFA_def_cfa_offset_sf) */
	};
	/* stp x29, x30, [sp, #-32]!; negate_ra_state before it, as paciasp has */
	static const uint8_t ordinary[] = { 0x44, 0x2d, 0x44, 0x0e, 32, 0x80 | 29, 4, 0x80 | 30, 3 };
	/* One that ends the stack: x30 is undefined. */
	static const uint8_t start[] = { 0x07, 30 };
	const struct elf_writer_fde entries[] = {
		{ 0x1000, 0x20, resolver, sizeof(resolver) },
		{ 0x1020, 0x20, ordinary, sizeof(ordinary) },
		{ 0x1040, 0x20, start, sizeof(start) },
	};
	static const uint8_t code[0x60] = { 0 };
	struct elf_writer *writer = elf_writer_create();
	size_t size;
	elf_writer_machine(writer, EM_AARCH64);
	elf_writer_code(writer, ".text", 0x1000, code, sizeof(code));
	elf_writer_eh_frame(writer, 0x3000, entries, 3);
	image = elf_writer_finish(writer, &size);
	elf_writer_destroy(writer);
	table = plait_table_create(image, size);
	return table && plait_rule_pool_init(&pool) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	plait_table_destroy(table);
	plait_rule_pool_release(&pool);
	free(image);
	return 0;
}

static void what_the_resolver_does_not_count_is_added(void **state)
{
	(void)state;
	assert_rule(0x1000, 16, LR, 0);
	assert_rule(0x1004, 16, LR, -8);
	assert_rule(0x1008, 208 + 16, LR, -8);
	assert_rule(0x1008, 208 + 16, 8, -208 - 16);
	assert_rule(0x100c, 16, LR, -8);
	assert_rule(0x1010, 0, LR, 0); /* popped */
	assert_rule(0x1010, 0, 8, 0);
}

static void ordinary_tables_are_as_they_are(void **state)
{
	(void)state;
	assert_rule(0x1020, 0, LR, 0);
	assert_rule(0x1024, 0, LR, 0); /* signed, still in x30 */
	assert_rule(0x1028, 32, LR, -24);
	assert_rule(0x1028, 32, FP, -32);
	struct plait_rule rule;
	assert_true(plait_table_rule(table, arch, &pool, 0x1040, &rule));
	assert_int_equal(plait_rule_find(&rule, LR)->kind, PLAIT_RULE_UNDEFINED);
	assert_false(plait_table_rule(table, arch, &pool, 0x1060, &rule));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_the_resolver_does_not_count_is_added, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ordinary_tables_are_as_they_are, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
