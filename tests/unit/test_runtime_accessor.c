/* links: plait_common plait_python_unwind */
/* How code reaches its thread-locals, in every way that compilers write it on x86-64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <cmocka.h>

#include "python_unwind/accessor.h"
#include "python_unwind/arch/arch.h"
#include "unit/test_runtime_image.h"

#define CODE(...) (const uint8_t[]) { __VA_ARGS__ }, sizeof((const uint8_t[]) { __VA_ARGS__ })

#define AT 0x1000 /* where the code of the cases lies */

static void every_form_is_decoded(void **state)
{
	(void)state;
	const struct {
		const char *name;
		const uint8_t *code;
		size_t size;
		struct plait_access access;
	} cases[] = {
		{ "program: mov %fs:-0x18,%rax",
		  CODE(0x64, 0x48, 0x8b, 0x04, 0x25, 0xe8, 0xff, 0xff, 0xff, 0xc3),
		  { PLAIT_ACCESS_OFFSET, 0, -0x18 } },
		{ "the same behind endbr64 and a frame pointer",
		  CODE(0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5, 0x64, 0x48, 0x8b, 0x04, 0x25, 0xe0, 0xff, 0xff,
		       0xff, 0x5d, 0xc3),
		  { PLAIT_ACCESS_OFFSET, 0, -0x20 } },
		{ "program: mov %fs:0,%rax; mov -8(%rax),%rax",
		  CODE(0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x48, 0x8b, 0x40, 0xf8, 0xc3),
		  { PLAIT_ACCESS_OFFSET, 0, -8 } },
		{ "program: mov %fs:0,%rax; lea -0x10(%rax),%rcx; mov (%rcx),%rax",
		  CODE(0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x48, 0x8d, 0x48, 0xf0, 0x48, 0x8b, 0x01, 0xc3),
		  { PLAIT_ACCESS_OFFSET, 0, -0x10 } },
		{ "program: mov $-8,%rax; mov %fs:(%rax),%rax",
		  CODE(0x48, 0xc7, 0xc0, 0xf8, 0xff, 0xff, 0xff, 0x64, 0x48, 0x8b, 0x00, 0xc3),
		  { PLAIT_ACCESS_OFFSET, 0, -8 } },
		{ "general dynamic: gcc and clang",
		  CODE(0x48, 0x83, 0xec, 0x08, 0x66, 0x48, 0x8d, 0x3d, 0x00, 0x02, 0, 0, 0x66, 0x66, 0x48, 0xe8, 0x0c,
		       0xff, 0xff, 0xff, 0x48, 0x8b, 0x00, 0x48, 0x83, 0xc4, 0x08, 0xc3),
		  { PLAIT_ACCESS_INDEX, AT + 12 + 0x200, 0 } },
		{ "general dynamic with -fno-plt",
		  CODE(0x48, 0x83, 0xec, 0x08, 0x66, 0x48, 0x8d, 0x3d, 0x00, 0x02, 0, 0, 0x66, 0x48, 0xff, 0x15, 0xc4,
		       0x2e, 0, 0, 0x48, 0x8b, 0x00, 0xc3),
		  { PLAIT_ACCESS_INDEX, AT + 12 + 0x200, 0 } },
		{ "local dynamic",
		  CODE(0x50, 0x48, 0x8d, 0x3d, 0x00, 0x02, 0, 0, 0xe8, 0xf0, 0xfe, 0xff, 0xff, 0x48, 0x8b, 0x80, 0x08,
		       0, 0, 0, 0x59, 0xc3),
		  { PLAIT_ACCESS_INDEX, AT + 8 + 0x200, 8 } },
		{ "initial exec",
		  CODE(0x48, 0x8b, 0x05, 0x00, 0x02, 0, 0, 0x64, 0x48, 0x8b, 0x00, 0xc3),
		  { PLAIT_ACCESS_GOT, AT + 7 + 0x200, 0 } },
		{ "initial exec: mov %fs:0,%rax; add x(%rip),%rax; mov 8(%rax),%rax",
		  CODE(0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x48, 0x03, 0x05, 0x00, 0x02, 0, 0, 0x48, 0x8b, 0x40,
		       0x08, 0xc3),
		  { PLAIT_ACCESS_GOT, AT + 16 + 0x200, 8 } },
		{ "initial exec: mov x(%rip),%rdx; mov %fs:0,%rax; mov (%rdx,%rax),%rax",
		  CODE(0x48, 0x8b, 0x15, 0x00, 0x02, 0, 0, 0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x48, 0x8b, 0x04,
		       0x02, 0xc3),
		  { PLAIT_ACCESS_GOT, AT + 7 + 0x200, 0 } },
		{ "descriptor",
		  CODE(0x48, 0x83, 0xec, 0x08, 0x48, 0x8d, 0x05, 0x00, 0x02, 0, 0, 0xff, 0x10, 0x64, 0x48, 0x8b, 0x00,
		       0x48, 0x83, 0xc4, 0x08, 0xc3),
		  { PLAIT_ACCESS_DESCRIPTOR, AT + 11 + 0x200, 0 } },
		{ "descriptor: call *(%rax); add %fs:0,%rax; mov 0x10(%rax),%rax",
		  CODE(0x48, 0x8d, 0x05, 0x00, 0x02, 0, 0, 0xff, 0x10, 0x64, 0x48, 0x03, 0x04, 0x25, 0, 0, 0, 0, 0x48,
		       0x8b, 0x40, 0x10, 0xc3),
		  { PLAIT_ACCESS_DESCRIPTOR, AT + 7 + 0x200, 0x10 } },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plait_access access = { 0 };
		if (!plait_python_arch_x86_64.decode_access(cases[i].code, cases[i].size, AT, &access))
			fail_msg("not decoded: %s", cases[i].name);
		if (access.kind != cases[i].access.kind || access.got != cases[i].access.got ||
		    access.offset != cases[i].access.offset)
			fail_msg("%s: kind %d got %#lx offset %ld", cases[i].name, (int)access.kind,
				 (unsigned long)access.got, (long)access.offset);
		/* Cut off before the load it is nothing. */
		assert_false(plait_python_arch_x86_64.decode_access(cases[i].code, 3, AT, &access));
	}
}

static void other_functions_are_not_decoded(void **state)
{
	(void)state;
	const struct {
		const uint8_t *code;
		size_t size;
	} cases[] = {
		{ CODE(0xc3) },
		{ CODE(0x31, 0xc0, 0xc3, 0x64, 0x48, 0x8b, 0x04, 0x25, 0xe8, 0xff, 0xff, 0xff) }, /* behind the end */
		{ CODE(0x48, 0x8b, 0x05, 0x69, 0xe2, 0x1a, 0, 0x48, 0x8b, 0x80, 0x40, 0x02, 0, 0, 0xc3) }, /* 3.11's */
		{ CODE(0x8b, 0x3d, 0x4d, 0xb7, 0x5a, 0, 0xe9, 0x44, 0x50, 0xeb, 0xff) }, /* pthread_getspecific(key) */
		{ CODE(0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x31, 0xc0, 0x48, 0x8b, 0x00,
		       0xc3) },							      /* overwritten */
		{ CODE(0x65, 0x48, 0x8b, 0x04, 0x25, 0xe8, 0xff, 0xff, 0xff, 0xc3) }, /* %gs */
		{ CODE(0x06, 0x06, 0x06) },					      /* no instruction */
		{ CODE(0x90) },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plait_access access;
		if (plait_python_arch_x86_64.decode_access(cases[i].code, cases[i].size, AT, &access))
			fail_msg("case %zu is none", i);
	}
}

/* This program's own thread-locals, whatever model the compiler and the linker choose. */
static __thread void *first, *second;

__attribute__((noinline)) static void *get_first(void)
{
	return first;
}

__attribute__((noinline)) static void *get_second(void)
{
	return second;
}

static void own_thread_locals_are_found(void **state)
{
	(void)state;
	first = &first;
	second = &second;
	const struct {
		void *(*get)(void);
		void *address;
	} cases[] = { { get_first, &first }, { get_second, &second } };
	for (size_t i = 0; i < 2; i++) {
		struct plait_access access = { 0 };
		assert_ptr_equal(cases[i].get(), cases[i].address);
		assert_true(plait_python_arch_native()->decode_access((const uint8_t *)(uintptr_t)cases[i].get, 64,
								      (uint64_t)(uintptr_t)cases[i].get, &access));
		assert_int_equal(access.kind, PLAIT_ACCESS_OFFSET);
		assert_int_equal((uint64_t)__builtin_thread_pointer() + (uint64_t)access.offset,
				 (uint64_t)(uintptr_t)cases[i].address);
	}
}

static struct image image;

static void begin(uint16_t type)
{
	image_begin(&image, type);
	image_header(&image)->e_machine = EM_X86_64;
}

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

static void assert_variable(struct plait_tls_variable found, enum plait_tls_kind kind, uint64_t address, int32_t offset)
{
	assert_int_equal(found.kind, kind);
	assert_int_equal(found.module_address, address);
	assert_int_equal(found.offset, offset);
}

static void relocations_complete_what_code_says(void **state)
{
	(void)state;
	static const uint8_t code[] = { 0x66, 0x48, 0x8d, 0x3d, 0x38, 0, 0,    0,    0x66, 0x66,
					0x48, 0xe8, 0,	  0,	0,    0, 0x48, 0x8b, 0x00, 0xc3 };
	uint64_t value = 24;
	begin(ET_DYN); /* a local symbol: its offset is written by the linker */
	uint64_t function = image_add(&image, code, sizeof(code)), got = function + 8 + 0x38;
	image_add(&image, NULL, 256);
	memcpy(image_at(&image, got + 8), &value, sizeof(value));
	image_relocation(&image, got, R_X86_64_DTPMOD64, 0, 0);
	image_finish(&image, SHT_DYNSYM);
	assert_variable(locate(function, 0), PLAIT_TLS_DYNAMIC, got, 24);

	begin(ET_DYN); /* an exported one: by the dynamic linker */
	function = image_add(&image, code, sizeof(code));
	image_add(&image, NULL, 256);
	image_symbol(&image, "variable", 0x30, 8, STT_TLS, 1);
	image_relocation(&image, got, R_X86_64_DTPMOD64, 1, 0);
	image_relocation(&image, got + 8, R_X86_64_DTPOFF64, 1, 2);
	image_finish(&image, SHT_DYNSYM);
	assert_variable(locate(function, 0), PLAIT_TLS_DYNAMIC, got, 0x32);
}

static void symbols_serve_where_code_does_not(void **state)
{
	(void)state;
	static const struct {
		uint32_t type;
		enum plait_tls_kind kind;
		int32_t offset;
	} cases[] = {
		{ R_X86_64_DTPMOD64, PLAIT_TLS_DYNAMIC, 0x18 },
		{ R_X86_64_TPOFF64, PLAIT_TLS_GOT, 0x10 },
		{ R_X86_64_TLSDESC, PLAIT_TLS_DESCRIPTOR, 0x10 },
		{ R_X86_64_GLOB_DAT, PLAIT_TLS_NONE, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(ET_DYN);
		image_segment(&image, PT_TLS, IMAGE_BASE, 0x21, 8);
		image_relocation(&image, 0x5000, cases[i].type, 3, 8); /* of another symbol: of no use */
		image_relocation(&image, 0x6000, cases[i].type, 0, 8);
		image_finish(&image, SHT_DYNSYM);
		assert_variable(locate(0, 0x18), cases[i].kind, cases[i].kind ? 0x6000 : 0, cases[i].offset);
	}
	begin(ET_EXEC);
	image_segment(&image, PT_TLS, IMAGE_BASE, 0x21, 8);
	image_finish(&image, SHT_DYNSYM);
	assert_variable(locate(0, 0x10), PLAIT_TLS_STATIC, 0, 0x10 - 0x28); /* Debian's 3.15: -0x18 */
	assert_variable(locate(0, 0), PLAIT_TLS_NONE, 0, 0);
	begin(ET_EXEC); /* no PT_TLS */
	image_finish(&image, SHT_DYNSYM);
	assert_variable(locate(0, 0x10), PLAIT_TLS_NONE, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_decoded),
		cmocka_unit_test(other_functions_are_not_decoded),
		cmocka_unit_test(own_thread_locals_are_found),
		cmocka_unit_test(relocations_complete_what_code_says),
		cmocka_unit_test(symbols_serve_where_code_does_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
