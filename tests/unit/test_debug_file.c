/* links: plait_symbolize plait_fixture_elf */
#include <ftw.h>
#include <link.h>
#include <lzma.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "symbolize/debug_file.h"
#include "symbolize/symbolizer.h"
#include "tests/fixtures/elf_writer.h"

enum { FUNCTION = ELF64_ST_INFO(STB_LOCAL, STT_FUNC), ADDRESS = 0x1100 };

static const struct plait_build_id id = { .size = 4, .bytes = { 0xab, 0xcd, 0xef, 0x01 } };
static const struct plait_build_id other_id = { .size = 4, .bytes = { 0x99 } };
static const struct plait_build_id no_id;

/* A folder of its own for each test. */
static char folder[64];

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/plait-debug-file-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* "FOLDER/name", its folders made. Valid until the fourth call after. */
static const char *in_folder(const char *name)
{
	static char paths[4][256];
	static int turn;
	char *path = paths[turn++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	for (char *slash = strchr(path + strlen(folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(path, 0700);
		*slash = '/';
	}
	return path;
}

/* An image with code at 0x1000 and, if `name` is not NULL, a symbol for ADDRESS. */
static uint8_t *make_image(const char *name, const struct plait_build_id *build_id, const char *link, uint32_t crc,
			   const void *mini, size_t mini_size, size_t *ret_size)
{
	struct elf_writer *writer = elf_writer_create();
	uint32_t text = elf_writer_code(writer, ".text", 0x1000, NULL, 0x200);
	if (name)
		elf_writer_symbol(writer, SHT_SYMTAB, name, ADDRESS, 0x10, FUNCTION, (uint16_t)text);
	if (build_id->size)
		elf_writer_build_id(writer, build_id);
	if (link)
		elf_writer_debuglink(writer, link, crc);
	if (mini)
		elf_writer_section(writer, ".gnu_debugdata", SHT_PROGBITS, 0, 0, mini, mini_size);
	uint8_t *image = elf_writer_finish(writer, ret_size);
	elf_writer_destroy(writer);
	return image;
}

/* Writes a debug file that names ADDRESS; returns its checksum. */
static uint32_t save_debug_file(const char *path, const char *name, const struct plait_build_id *build_id)
{
	size_t size;
	uint8_t *image = make_image(name, build_id, NULL, 0, NULL, 0, &size);
	elf_writer_save(path, image, size);
	uint32_t crc = lzma_crc32(image, size, 0);
	free(image);
	return crc;
}

/* Writes the stripped file FOLDER/bin/program. */
static void save_stripped(const struct plait_build_id *build_id, const char *link, uint32_t crc)
{
	size_t size;
	uint8_t *image = make_image(NULL, build_id, link, crc, NULL, 0, &size);
	elf_writer_save(in_folder("bin/program"), image, size);
	free(image);
}

/* Names ADDRESS of FOLDER/bin/program; "" when it has no name. */
static const char *name_of(const struct plait_build_id *build_id)
{
	static char name[256];
	struct plait_symbolizer_options options = { .debug_directory = in_folder("debug") };
	struct plait_file_reference file = { .path = in_folder("bin/program"), .build_id = *build_id };
	struct plait_symbolizer *symbolizer;
	struct plait_symbols symbols;
	assert_null(plait_symbolizer_create(&options, &symbolizer));
	assert_null(plait_symbolize_file(symbolizer, &file, ADDRESS + 4, &symbols));
	snprintf(name, sizeof(name), "%s", symbols.count && symbols.at[0].name ? symbols.at[0].name : "");
	plait_symbolizer_destroy(symbolizer);
	return name;
}

static void the_build_id_leads_to_the_debug_file(void **state)
{
	(void)state;
	save_stripped(&id, NULL, 0);
	assert_string_equal(name_of(&id), "");
	save_debug_file(in_folder("debug/.build-id/ab/cdef01.debug"), "by_id", &id);
	assert_string_equal(name_of(&id), "by_id");
	assert_string_equal(name_of(&no_id), "by_id"); /* the reference may lack what the file has */
}

static void a_debug_file_of_another_build_is_not_used(void **state)
{
	(void)state;
	save_stripped(&id, "program.debug", 1);
	save_debug_file(in_folder("debug/.build-id/ab/cdef01.debug"), "wrong", &other_id);
	save_debug_file(in_folder("bin/program.debug"), "wrong", &other_id);
	assert_string_equal(name_of(&id), "");
	save_debug_file(in_folder("debug/.build-id/ab/cdef01.debug"), "no_proof", &no_id);
	assert_string_equal(name_of(&id), "");
}

static void a_file_of_another_build_is_not_used(void **state)
{
	(void)state;
	save_debug_file(in_folder("bin/program"), "replaced", &other_id);
	assert_string_equal(name_of(&id), "");
	assert_string_equal(name_of(&other_id), "replaced");
	assert_string_equal(name_of(&no_id), "replaced");
	/* The debug file of the build that ran may still be there. */
	save_debug_file(in_folder("debug/.build-id/ab/cdef01.debug"), "by_id", &id);
	assert_string_equal(name_of(&id), "by_id");
}

static void the_debug_file_is_enough(void **state)
{
	(void)state;
	save_debug_file(in_folder("debug/.build-id/ab/cdef01.debug"), "by_id", &id);
	assert_string_equal(name_of(&id), "by_id");
}

static void the_link_is_followed_in_three_places(void **state)
{
	(void)state;
	char under[200];
	snprintf(under, sizeof(under), "debug%s/bin/program.debug", folder);
	const char *const places[] = { "bin/program.debug", "bin/.debug/program.debug", under };
	for (size_t i = 0; i < 3; i++) {
		const char *path = in_folder(places[i]);
		uint32_t crc = save_debug_file(path, "by_link", &no_id);
		save_stripped(&id, "program.debug", crc);
		assert_string_equal(name_of(&id), "by_link");
		save_stripped(&id, "program.debug", crc + 1); /* not the file that the link means */
		assert_string_equal(name_of(&id), "");
		unlink(path);
	}
}

static void a_fifo_does_not_block(void **state)
{
	(void)state;
	save_stripped(&id, "program.debug", 0);
	assert_int_equal(mkfifo(in_folder("debug/.build-id/ab/cdef01.debug"), 0600), 0);
	assert_int_equal(mkfifo(in_folder("bin/program.debug"), 0600), 0);
	assert_string_equal(name_of(&id), "");
}

/* Packs `size` bytes as xz. */
static uint8_t *pack(const uint8_t *data, size_t size, size_t *ret_size)
{
	size_t room = lzma_stream_buffer_bound(size);
	uint8_t *packed = malloc(room);
	*ret_size = 0;
	assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, data, size, packed, ret_size, room),
			 LZMA_OK);
	return packed;
}

/* Names ADDRESS of an image with `mini` as its .gnu_debugdata. */
static const char *name_with_mini(const uint8_t *mini, size_t mini_size)
{
	size_t size;
	uint8_t *image = make_image(NULL, &no_id, NULL, 0, mini, mini_size, &size);
	elf_writer_save(in_folder("bin/program"), image, size);
	free(image);
	return name_of(&no_id);
}

static void mini_debug_info_is_unpacked(void **state)
{
	(void)state;
	size_t size, packed_size;
	uint8_t *inner = make_image("from_mini", &no_id, NULL, 0, NULL, 0, &size);
	uint8_t *packed = pack(inner, size, &packed_size);
	assert_string_equal(name_with_mini(packed, packed_size), "from_mini");
	for (size_t cut = 0; cut < packed_size; cut += 5)
		assert_string_equal(name_with_mini(packed, cut), "");
	packed[packed_size / 2] ^= 0xff;
	assert_string_equal(name_with_mini(packed, packed_size), "");
	free(packed);
	free(inner);
}

static void a_small_section_cannot_unpack_to_a_giant(void **state)
{
	(void)state;
	size_t size = 100 << 20, packed_size;
	uint8_t *zeros = calloc(1, size), *ret = NULL;
	memcpy(zeros, ELFMAG, SELFMAG);
	zeros[EI_CLASS] = ELFCLASS64;
	zeros[EI_DATA] = ELFDATA2LSB;
	uint8_t *packed = pack(zeros, size, &packed_size);
	free(zeros);
	uint8_t *image = make_image(NULL, &no_id, NULL, 0, packed, packed_size, &size);
	struct plait_elf_image outer, inner;
	assert_true(plait_elf_image_open(image, size, &outer));
	assert_false(plait_debug_data_unpack(&outer, &ret, &inner));
	assert_null(ret);
	free(image);
	free(packed);
}

static int to_split_line;

/* What the test below looks for: a function of this program, with a line. */
static __attribute__((noinline)) int function_to_split(int x)
{
	to_split_line = __LINE__ - 2;
	return x * 3 + getppid();
}

static int find_bias(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	*(uint64_t *)context = info->dlpi_addr;
	return 1;
}

/* The debug information of this very program, split off as distributions do. */
static void a_program_split_by_objcopy_keeps_its_names(void **state)
{
	(void)state;
	char command[1024];
	if (system("objcopy --version >/dev/null 2>&1") != 0 || system("strip --version >/dev/null 2>&1") != 0) {
		print_message("skipped: objcopy and strip are not installed\n");
		skip();
	}
	const char *stripped = in_folder("bin/program"), *debug = in_folder("bin/.debug/program.debug");
	snprintf(command, sizeof(command),
		 "exe=$(readlink /proc/%d/exe) && objcopy --only-keep-debug $exe %s && strip -o %s $exe && "
		 "objcopy --add-gnu-debuglink=%s %s",
		 getpid(), debug, stripped, debug, stripped);
	assert_int_equal(system(command), 0);
	uint64_t bias = 0;
	dl_iterate_phdr(find_bias, &bias);
	function_to_split(1);
	struct plait_file_reference file = { .path = stripped };
	struct plait_symbolizer *symbolizer;
	struct plait_symbols symbols;
	assert_null(plait_symbolizer_create(NULL, &symbolizer));
	uint64_t address = (uint64_t)(uintptr_t)function_to_split - bias;
	assert_null(plait_symbolize_file(symbolizer, &file, address, &symbols));
	assert_int_equal(symbols.count, 1);
	assert_string_equal(symbols.at[0].name, "function_to_split");
	assert_int_equal(symbols.at[0].start, address);
	if (symbols.at[0].file) { /* built with -g */
		assert_non_null(strstr(symbols.at[0].file, "test_debug_file.c"));
		assert_in_range(symbols.at[0].line, to_split_line - 1, to_split_line + 2);
	}
	plait_symbolizer_destroy(symbolizer);
}

#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(the_build_id_leads_to_the_debug_file),
		FOLDER_TEST(a_debug_file_of_another_build_is_not_used),
		FOLDER_TEST(a_file_of_another_build_is_not_used),
		FOLDER_TEST(the_debug_file_is_enough),
		FOLDER_TEST(the_link_is_followed_in_three_places),
		FOLDER_TEST(a_fifo_does_not_block),
		FOLDER_TEST(mini_debug_info_is_unpacked),
		cmocka_unit_test(a_small_section_cannot_unpack_to_a_giant),
		FOLDER_TEST(a_program_split_by_objcopy_keeps_its_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
