/* links: plait_symbolize plait_fixture_elf */
#include <dlfcn.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include <cmocka.h>

#include "symbolize/names.h"
#include "symbolize/symbolizer.h"
#include "tests/fixtures/elf_writer.h"

static struct plait_symbolizer *symbolizer;

static int setup(void **state)
{
	(void)state;
	struct plait_error *error = plait_symbolizer_create(NULL, &symbolizer);
	return error != NULL;
}

static int teardown(void **state)
{
	(void)state;
	plait_symbolizer_destroy(symbolizer);
	return 0;
}

/* The file and ELF virtual address of code in this process. */
static void locate(const void *code, struct plait_file_reference *ret_file, uint64_t *ret_address)
{
	Dl_info info;
	struct link_map *map;
	assert_int_not_equal(dladdr1(code, &info, (void **)&map, RTLD_DL_LINKMAP), 0);
	*ret_file = (struct plait_file_reference) { .path = info.dli_fname };
	*ret_address = (uint64_t)(uintptr_t)code - map->l_addr;
}

static void functions_of_libc_are_named(void **state)
{
	(void)state;
	static const char *const names[] = { "qsort", "printf", "fopen", "malloc" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct plait_file_reference file;
		uint64_t address;
		struct plait_symbols symbols;
		void *libc = dlopen("libc.so.6", RTLD_NOW);
		locate(dlsym(libc, names[i]), &file, &address);
		dlclose(libc);
		assert_null(plait_symbolize_file(symbolizer, &file, address + 1, &symbols));
		assert_true(symbols.count >= 1);
		const struct plait_symbol *function = &symbols.at[symbols.count - 1];
		assert_int_equal(function->start, address);
		assert_true(function->size > 1);
		/* libc has aliases (__libc_malloc, _IO_fopen): the name must be one of them. */
		assert_non_null(strstr(function->name, names[i]));
	}
}

static void answers_are_repeated_and_live_as_long_as_the_symbolizer(void **state)
{
	(void)state;
	struct plait_file_reference file;
	uint64_t address;
	struct plait_symbols first, second;
	locate((const void *)qsort, &file, &address);
	assert_null(plait_symbolize_file(symbolizer, &file, address, &first));
	for (uint64_t i = 1; i < 5000; i++)
		assert_null(plait_symbolize_file(symbolizer, &file, address + i * 16, &second));
	assert_null(plait_symbolize_file(symbolizer, &file, address, &second));
	assert_int_equal(first.count, second.count);
	for (uint32_t i = 0; i < first.count; i++) {
		assert_ptr_equal(first.at[i].name, second.at[i].name);
		assert_ptr_equal(first.at[i].file, second.at[i].file);
		assert_int_equal(first.at[i].line, second.at[i].line);
	}
}

static void files_that_cannot_be_read_name_nothing(void **state)
{
	(void)state;
	static const char *const paths[] = { "/nonexistent", "[vdso]", "", "/tmp", "/etc/passwd", "/dev/zero" };
	struct plait_symbols symbols;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct plait_file_reference file = { .path = paths[i] };
		symbols.count = 7;
		assert_null(plait_symbolize_file(symbolizer, &file, 0x1000, &symbols));
		assert_int_equal(symbols.count, 0);
	}
	struct plait_file_reference nothing = { 0 };
	assert_null(plait_symbolize_file(symbolizer, &nothing, 0x1000, &symbols));
	assert_int_equal(symbols.count, 0);
}

static void another_way_to_the_file_is_tried(void **state)
{
	(void)state;
	struct plait_file_reference file;
	uint64_t address;
	struct plait_symbols symbols;
	locate((const void *)qsort, &file, &address);
	struct plait_file_reference moved = { .path = "/nonexistent", .open_path = "/proc/1073741824/root/nothing" };
	assert_null(plait_symbolize_file(symbolizer, &moved, address, &symbols));
	assert_int_equal(symbols.count, 0);
	moved.open_path = file.path;
	assert_null(plait_symbolize_file(symbolizer, &moved, address, &symbols));
	assert_true(symbols.count > 0);
	moved.open_path = "/nonexistent";
	assert_null(plait_symbolize_file(symbolizer, &moved, address, &symbols));
	assert_true(symbols.count > 0); /* once it is open it stays open */
}

/* An image with a named function, one that only an unwind entry bounds, and a mangled name with a control character. */
static uint8_t *make_image(size_t *ret_size)
{
	const struct elf_writer_fde entries[] = { { 0x1000, 0x10, NULL, 0 }, { 0x1040, 0x80, NULL, 0 } };
	struct elf_writer *writer = elf_writer_create();
	uint16_t text = (uint16_t)elf_writer_code(writer, ".text", 0x1000, NULL, 0x200);
	uint8_t function = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
	elf_writer_symbol(writer, SHT_SYMTAB, "_ZN3foo3barEi", 0x1000, 0x10, function, text);
	elf_writer_symbol(writer, SHT_SYMTAB, "bell\a\x1b[2J", 0x1100, 0x10, function, text);
	elf_writer_eh_frame(writer, 0x3000, entries, 2);
	uint8_t *image = elf_writer_finish(writer, ret_size);
	elf_writer_destroy(writer);
	return image;
}

static void images_in_memory_are_copied(void **state)
{
	(void)state;
	size_t size;
	uint8_t *image = make_image(&size);
	struct plait_symbols symbols;
	assert_null(plait_symbolize_image(symbolizer, 5, image, size, 0x1004, &symbols));
	memset(image, 0, size);
	free(image);
	assert_int_equal(symbols.count, 1);
	assert_string_equal(symbols.at[0].name, "foo::bar");
	assert_null(symbols.at[0].file);
	assert_null(plait_symbolize_image(symbolizer, 5, NULL, 0, 0x1108, &symbols));
	assert_string_equal(symbols.at[0].name, "bell??[2J");
	assert_null(plait_symbolize_image(symbolizer, 6, "no ELF", 6, 0x1108, &symbols));
	assert_int_equal(symbols.count, 0);
}

static void code_without_a_name_has_bounds(void **state)
{
	(void)state;
	size_t size;
	uint8_t *image = make_image(&size);
	struct plait_symbols symbols;
	assert_null(plait_symbolize_image(symbolizer, 5, image, size, 0x1050, &symbols));
	assert_int_equal(symbols.count, 1);
	assert_null(symbols.at[0].name);
	assert_int_equal(symbols.at[0].start, 0x1040);
	assert_int_equal(symbols.at[0].size, 0x80);
	assert_null(plait_symbolize_image(symbolizer, 5, image, size, 0x1030, &symbols));
	assert_int_equal(symbols.count, 0);
	free(image);
}

static void the_vdso_is_named(void **state)
{
	(void)state;
	const uint8_t *image = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	if (!image) {
		print_message("skipped: this process has no vdso\n");
		skip();
	}
	char line[256];
	unsigned long start, end, size = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start == (uintptr_t)image)
			size = end - start;
	}
	fclose(maps);
	assert_true(size > 0);
	int functions = 0;
	for (uint64_t address = 0; address < size; address += 8) {
		struct plait_symbols symbols;
		assert_null(plait_symbolize_image(symbolizer, 1, image, size, address, &symbols));
		if (symbols.count && symbols.at[0].name && strstr(symbols.at[0].name, "clock_gettime"))
			functions++;
	}
	assert_true(functions > 0);
}

static void kernel_names_tell_their_module(void **state)
{
	(void)state;
	char path[64];
	snprintf(path, sizeof(path), "/tmp/plait-symbolizer-%d", getpid());
	static const char list[] = "ffffffff81000000 T vfs_read\nffffffffc0000000 t ext4_read\t[ext4]\n";
	elf_writer_save(path, list, strlen(list));
	struct plait_symbolizer_options options = { .kallsyms_path = path };
	struct plait_symbolizer *own;
	struct plait_symbols symbols;
	assert_null(plait_symbolizer_create(&options, &own));
	assert_null(plait_symbolizer_kernel_reason(own));
	assert_null(plait_symbolize_kernel(own, 0xffffffffc0000010, &symbols));
	assert_int_equal(symbols.count, 1);
	assert_string_equal(symbols.at[0].name, "ext4_read [ext4]");
	assert_null(plait_symbolize_kernel(own, 0xffffffff81000010, &symbols));
	assert_string_equal(symbols.at[0].name, "vfs_read");
	assert_null(plait_symbolize_kernel(own, 0x10, &symbols));
	assert_int_equal(symbols.count, 0);
	plait_symbolizer_destroy(own);
	unlink(path);
	assert_null(plait_symbolizer_create(&options, &own));
	assert_non_null(strstr(plait_symbolizer_kernel_reason(own), "No such file"));
	assert_null(plait_symbolize_kernel(own, 0xffffffffc0000010, &symbols));
	assert_int_equal(symbols.count, 0);
	plait_symbolizer_destroy(own);
	plait_symbolizer_destroy(NULL);
}

static void names_are_kept_once_and_cut(void **state)
{
	(void)state;
	struct plait_names *names = plait_names_create();
	assert_ptr_equal(plait_names_add(names, "abc", 3), plait_names_add(names, "abcd", 3));
	assert_string_equal(plait_names_add(names, "", 0), "");
	assert_string_equal(plait_names_add_function(names, "_Z1fvXX", 5, "@plt"), "f@plt");
	assert_string_equal(plait_names_add(names, "\xc3\xa9\n\x7f", 4), "\xc3\xa9??");
	char *text = malloc(20000);
	memset(text, 0xc3, 20000);
	for (int i = 0; i < 20000; i += 2)
		text[i + 1] = (char)0xa9;
	const char *cut = plait_names_add(names, text + 1, 19999);
	assert_true(strlen(cut) < 5000);
	assert_int_equal((unsigned char)cut[strlen(cut) - 1], 0xa9); /* not in the middle of a character */
	cut = plait_names_add_function(names, text, 20000, "@plt");
	assert_true(strlen(cut) < 5000);
	assert_string_equal(cut + strlen(cut) - 4, "@plt");
	free(text);
	plait_names_destroy(names);
	plait_names_destroy(NULL);
}

#define SYMBOLIZER_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYMBOLIZER_TEST(functions_of_libc_are_named),
		SYMBOLIZER_TEST(answers_are_repeated_and_live_as_long_as_the_symbolizer),
		SYMBOLIZER_TEST(files_that_cannot_be_read_name_nothing),
		SYMBOLIZER_TEST(another_way_to_the_file_is_tried),
		SYMBOLIZER_TEST(images_in_memory_are_copied),
		SYMBOLIZER_TEST(code_without_a_name_has_bounds),
		SYMBOLIZER_TEST(the_vdso_is_named),
		cmocka_unit_test(kernel_names_tell_their_module),
		cmocka_unit_test(names_are_kept_once_and_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
