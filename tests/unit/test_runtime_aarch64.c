/* links: plait_common plait_python_unwind */
/*
 * What AArch64 code and files say about thread-locals and threads: pure, so on any machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <cmocka.h>

#include "python_unwind/accessor.h"
#include "python_unwind/arch/arch.h"
#include "python_unwind/evaluator.h"
#include "python_unwind/runtime.h"
#include "unit/test_runtime_image.h"

#define WORDS(...) (const uint32_t[]) { __VA_ARGS__ }, sizeof((const uint32_t[]) { __VA_ARGS__ })
#define AT 0x1000 /* where the code of the cases lies */

static const struct plait_python_arch *const arch = &plait_python_arch_aarch64;

static void every_form_is_decoded(void **state)
{
	(void)state;
	const struct {
		const char *name;
		const uint32_t *code;
		size_t size;
		struct plait_access access;
	} cases[] = {
		{ "program: mrs x0; nop; add x0, x0, #0x18; ldr x0, [x0]; ret",
		  WORDS(0xd53bd040, 0xd503201f, 0x91006000, 0xf9400000, 0xd65f03c0),
		  { PLAIT_ACCESS_OFFSET, 0, 0x18 } },
		{ "the same with branch protection, a frame and a large offset: add x0, x0, #1, lsl #12",
		  WORDS(0xd503245f, 0xd503233f, 0xa9bf7bfd, 0x910003fd, 0xd53bd040, 0x91400400, 0x91006000, 0xf9400000,
			0xa8c17bfd, 0xd50323bf, 0xd65f03c0),
		  { PLAIT_ACCESS_OFFSET, 0, 0x1018 } },
		{ "the offset in the load: ldr x0, [x0, #8]; ldur x0, [x0, #-8]",
		  WORDS(0xd53bd040, 0xf9400400, 0xd65f03c0),
		  { PLAIT_ACCESS_OFFSET, 0, 8 } },
		{ "ldur", WORDS(0xd53bd041, 0xaa0103e0, 0xf85f8000, 0xd65f03c0), { PLAIT_ACCESS_OFFSET, 0, -8 } },
		{ "descriptor: mrs x1; adrp x0; ldr x2, [x0, #16]; add x0, x0, #16; blr x2; ldr x0, [x1, x0]",
		  WORDS(0xa9bf7bfd, 0x910003fd, 0xd53bd041, 0xd0000000, 0xf9400802, 0x91004000, 0xd63f0040, 0xf8606820,
			0xa8c17bfd, 0xd65f03c0),
		  { PLAIT_ACCESS_DESCRIPTOR, 0x3010, 0 } },
		{ "descriptor: add x0, x1, x0; ldr x0, [x0, #8]",
		  WORDS(0xd53bd041, 0xd0000000, 0xf9400802, 0x91004000, 0xd63f0040, 0x8b000020, 0xf9400400, 0xd65f03c0),
		  { PLAIT_ACCESS_DESCRIPTOR, 0x3010, 8 } },
		{ "initial exec: mrs x1; adrp x0; ldr x0, [x0, #16]; ldr x0, [x1, x0]",
		  WORDS(0xd53bd041, 0xd0000000, 0xf9400800, 0xf8606820, 0xd65f03c0),
		  { PLAIT_ACCESS_GOT, 0x3010, 0 } },
		{ "general dynamic: adrp x0; add x0, x0, #16; bl; nop; ldr x0, [x0, #8]",
		  WORDS(0xd0000000, 0x91004000, 0x94000000, 0xd503201f, 0xf9400400, 0xd65f03c0),
		  { PLAIT_ACCESS_INDEX, 0x3010, 8 } },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plait_access access = { 0 };
		if (!arch->decode_access((const uint8_t *)cases[i].code, cases[i].size, AT, &access))
			fail_msg("not decoded: %s", cases[i].name);
		if (access.kind != cases[i].access.kind || access.got != cases[i].access.got ||
		    access.offset != cases[i].access.offset)
			fail_msg("%s: kind %d got %#lx offset %ld", cases[i].name, (int)access.kind,
				 (unsigned long)access.got, (long)access.offset);
		/* Cut off before the load it is nothing. */
		assert_false(arch->decode_access((const uint8_t *)cases[i].code, 7, AT, &access));
	}
}

static void other_functions_are_not_decoded(void **state)
{
	(void)state;
	const struct {
		const uint32_t *code;
		size_t size;
	} cases[] = {
		{ WORDS(0xd65f03c0, 0xd53bd040, 0xf9400000) },		   /* behind the end */
		{ WORDS(0xd0000000, 0xf9400400, 0xf9400000, 0xd65f03c0) }, /* 3.11's: a global */
		{ WORDS(0xd0000000, 0xb9400400, 0x14000100) },		   /* pthread_getspecific(key) */
		{ WORDS(0xd53bd040, 0xd2800000, 0xf9400000, 0xd65f03c0) }, /* overwritten */
		{ WORDS(0xd53bd040, 0xa9407c20, 0xf9400000, 0xd65f03c0) }, /* by a pair: ldp x0, xzr, [x1] */
		{ WORDS(0xd53bd040, 0x94000000, 0xf9400000, 0xd65f03c0) }, /* by a call */
		{ WORDS(0xd53bd060, 0xf9400000, 0xd65f03c0) },		   /* tpidrro_el0 */
		{ WORDS(0) },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plait_access access;
		if (arch->decode_access((const uint8_t *)cases[i].code, cases[i].size, AT, &access))
			fail_msg("case %zu is none", i);
	}
}

static struct image image;

static struct plait_tls_variable locate(uint64_t function, uint64_t symbol)
{
	struct plait_elf elf;
	assert_true(plait_elf_open(image.bytes, image.size, &elf));
	struct plait_accessor accessor = { .function.st_value = function };
	if (symbol) {
		accessor.variable.st_value = symbol;
		accessor.variable.st_info = ELF64_ST_INFO(STB_LOCAL, STT_TLS);
	}
	return plait_accessor_locate(&elf, &accessor);
}

static void begin(uint16_t type)
{
	image_begin(&image, type);
	image_header(&image)->e_machine = EM_AARCH64;
}

static void symbols_serve_where_code_does_not(void **state)
{
	(void)state;
	static const struct {
		uint32_t type;
		enum plait_tls_kind kind;
		int32_t offset;
	} cases[] = {
		{ R_AARCH64_TLS_DTPMOD, PLAIT_TLS_DYNAMIC, 0x18 },
		{ R_AARCH64_TLS_TPREL, PLAIT_TLS_GOT, 0x10 },
		{ R_AARCH64_TLSDESC, PLAIT_TLS_DESCRIPTOR, 0x10 },
		{ R_AARCH64_GLOB_DAT, PLAIT_TLS_NONE, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(ET_DYN);
		image_segment(&image, PT_TLS, IMAGE_BASE, 0x21, 8);
		image_relocation(&image, 0x6000, cases[i].type, 0, 8);
		image_finish(&image, SHT_DYNSYM);
		struct plait_tls_variable found = locate(0, 0x18);
		assert_int_equal(found.kind, cases[i].kind);
		assert_int_equal(found.offset, cases[i].offset);
	}
	/* A program's lie behind two words, aligned. */
	static const struct {
		uint64_t align;
		int32_t offset;
	} programs[] = { { 8, 0x18 }, { 16, 0x18 }, { 64, 0x48 } };
	for (size_t i = 0; i < 3; i++) {
		begin(ET_EXEC);
		image_segment(&image, PT_TLS, IMAGE_BASE, 0x21, programs[i].align);
		image_finish(&image, SHT_DYNSYM);
		struct plait_tls_variable found = locate(0, 8);
		assert_int_equal(found.kind, PLAIT_TLS_STATIC);
		assert_int_equal(found.offset, programs[i].offset);
	}
}

static bool note_target(void *context, uint64_t target)
{
	uint64_t **next = context;
	*(*next)++ = target;
	return target != 0xdead0;
}

static void jumps_are_direct_branches_that_are_no_calls(void **state)
{
	(void)state;
	static const uint32_t code[] = {
		0x14000002,
		/* b +8 */ 0x17ffffff,
		/* b -4 */ 0x54000040, /* b.eq +8 */
		0xb4ffffe0,
		/* cbz x0, -4 */ 0x35000041, /* cbnz w1, +8 */
		0x36080040,
		/* tbz w0, #1, +8 */ 0xb7ffffe3, /* tbnz x3, #63, -4 */
		0x94000002,
		/* bl */ 0xd61f0000,
		/* br x0 */ 0xd65f03c0, /* ret */
	};
	uint64_t targets[10] = { 0 }, *next = targets;
	assert_true(arch->visit_jumps((const uint8_t *)code, sizeof(code) - 1, 0x1000, note_target, &next));
	static const uint64_t wanted[] = { 0x1008, 0x1000, 0x1010, 0x1008, 0x1018, 0x101c, 0x1014 };
	assert_int_equal(next - targets, sizeof(wanted) / sizeof(wanted[0]));
	assert_memory_equal(targets, wanted, sizeof(wanted));
	next = targets;
	assert_false(arch->visit_jumps((const uint8_t *)code, 8, 0xdeac8, note_target, &next));
	assert_int_equal(next - targets, 1);
}

static void a_c_library_tells_the_size_of_its_thread_blocks(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint32_t value, wanted;
		uint32_t table;
	} cases[] = {
		{ "_thread_db_sizeof_pthread", 0x740, 0x740, SHT_DYNSYM },
		{ "_thread_db_sizeof_pthread", 0x720, 0x720, SHT_SYMTAB }, /* in a static program */
		{ "_thread_db_sizeof_pthreads", 0x740, 0, SHT_DYNSYM },
		{ "_thread_db_sizeof_pthread", 0, 0, SHT_DYNSYM },
		{ "_thread_db_sizeof_pthread", 0x7fffffff, 0, SHT_DYNSYM },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(ET_DYN);
		uint64_t address = image_add(&image, &cases[i].value, 4);
		image_symbol(&image, cases[i].name, address, 4, STT_OBJECT, 1);
		image_finish(&image, cases[i].table);
		assert_int_equal(plait_python_thread_block(image.bytes, image.size), cases[i].wanted);
	}
	assert_int_equal(plait_python_thread_block((const uint8_t *)"no ELF", 6), 0);
}

static uint64_t words[8]; /* at 0x100 + 24 words: a list's two pointers; then a neighbour's */

static bool read_words(void *context, uint64_t address, void *ret, size_t size)
{
	(void)context;
	if (address < 0x1c0 || address + size > 0x1c0 + sizeof(words))
		return false;
	memcpy(ret, (const uint8_t *)words + (address - 0x1c0), size);
	return true;
}

static void a_thread_lives_while_its_neighbour_knows_it(void **state)
{
	(void)state;
	struct plait_memory memory = { .read = read_words };
	words[0] = 0x1c0 + 32; /* next */
	words[5] = 0x1c0;      /* its prev */
	assert_true(arch->thread_lives(&memory, 0x100));
	words[5] = 0x1c8;
	assert_false(arch->thread_lives(&memory, 0x100));
	words[0] = 0;
	assert_false(arch->thread_lives(&memory, 0x100));
	assert_false(arch->thread_lives(&memory, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_decoded),
		cmocka_unit_test(other_functions_are_not_decoded),
		cmocka_unit_test(symbols_serve_where_code_does_not),
		cmocka_unit_test(jumps_are_direct_branches_that_are_no_calls),
		cmocka_unit_test(a_c_library_tells_the_size_of_its_thread_blocks),
		cmocka_unit_test(a_thread_lives_while_its_neighbour_knows_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
