/* links: plait_common plait_python_unwind */
/* The check of a live process, on memory that a test writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "python_unwind/runtime.h"
#include "unit/test_runtime_image.h"

/* A small address space: whatever is not here cannot be read. */
#define ARENA 0x7f1000000000
static uint8_t arena[16384];

static bool read_arena(void *context, uint64_t address, void *ret, size_t size)
{
	(void)context;
	if (address < ARENA || address - ARENA > sizeof(arena) || size > sizeof(arena) - (address - ARENA))
		return false;
	memcpy(ret, arena + (address - ARENA), size);
	return true;
}

static const struct plait_memory memory = { .read = read_arena };

static void put(uint64_t address, uint64_t value)
{
	memcpy(arena + (address - ARENA), &value, sizeof(value));
}

/* Where things lie in the process. */
enum {
	RUNTIME = 0x100,
	INTERPRETER = 0x800,
	TSTATE = 0x2800,
	TSTATE_2 = 0x2900,
	THREAD = 0x2a00,
	FRAME = 0x2b00,
	SHIM = 0x2b80,
	CODE = 0x2c00,
	TYPE = 0x2d00,
	NAME = 0x2e00,
	NONE = 0x2f00,
	CFRAME = 0x3000,
};

static struct image image;
static struct plait_python_binary *binary;
static struct plait_python_runtime runtime;

static void inspect(void)
{
	assert_null(plait_python_binary_inspect(image.bytes, image.size, "python", &binary));
	assert_non_null(binary);
}

/* The process that all tests begin with: one thread, a shim frame inside a Python frame. */
static int setup_3_13(void **state)
{
	(void)state;
	image_begin(&image, ET_DYN);
	uint64_t address = image_debug_offsets(&image, 0x030d12f0, false, slots_3_13, 584);
	image_finish(&image, SHT_DYNSYM);
	inspect();
	runtime = (struct plait_python_runtime) { .binary = binary, .pid = 7, .bias = ARENA + RUNTIME - address };
	memset(arena, 0, sizeof(arena));
	memcpy(arena + RUNTIME, image_at(&image, address), 24);
	put(ARENA + RUNTIME + 632, ARENA + INTERPRETER);
	put(ARENA + INTERPRETER + 7344, ARENA + TSTATE);
	put(ARENA + TSTATE + 16, ARENA + INTERPRETER);
	put(ARENA + TSTATE + 152, ARENA + THREAD);
	put(ARENA + TSTATE + 72, ARENA + SHIM);
	put(ARENA + THREAD, ARENA + THREAD);
	put(ARENA + SHIM, ARENA + NONE);
	put(ARENA + SHIM + 8, ARENA + FRAME);
	arena[SHIM + 70] = 3;
	put(ARENA + FRAME, ARENA + CODE);
	put(ARENA + CODE + 8, ARENA + TYPE);
	put(ARENA + TYPE + 24, ARENA + NAME);
	memcpy(arena + NAME, "code", 5);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plait_python_binary_destroy(binary);
	binary = NULL;
	return 0;
}

static void assert_fits(void)
{
	struct plait_error *error = plait_python_runtime_check(&runtime, &memory);
	if (error)
		fail_msg("%s", error->message);
}

static void assert_misfit(const char *part)
{
	struct plait_error *error = plait_python_runtime_check(&runtime, &memory);
	assert_non_null(error);
	assert_int_equal(error->code, PLAIT_ERROR_INVALID);
	assert_non_null(strstr(error->message, "process 7"));
	if (!strstr(error->message, part))
		fail_msg("'%s' is not in '%s'", part, error->message);
	plait_error_free(error);
}

static void sound_process_passes(void **state)
{
	(void)state;
	assert_fits();
	put(ARENA + TSTATE + 72, 0); /* no frame */
	assert_fits();
	put(ARENA + INTERPRETER + 7344, 0); /* no thread */
	assert_fits();
	put(ARENA + RUNTIME + 632, 0); /* not initialised, or finalised */
	assert_fits();
}

static void one_sound_thread_is_enough(void **state)
{
	(void)state;
	put(ARENA + INTERPRETER + 7344, ARENA + TSTATE_2); /* a new one, not yet bound */
	put(ARENA + TSTATE_2 + 8, ARENA + TSTATE);
	put(ARENA + TSTATE_2 + 16, ARENA + INTERPRETER);
	assert_fits();
	put(ARENA + TSTATE_2 + 152, 0xdead0000); /* its thread is gone */
	assert_fits();
	put(ARENA + TSTATE + 8, ARENA + TSTATE_2); /* a cycle */
	assert_fits();
	put(ARENA + TSTATE_2 + 8, 0);
	assert_misfit("thread states");
}

static void wrong_table_is_refused(void **state)
{
	(void)state;
	arena[RUNTIME + 8] ^= 1;
	assert_misfit("another version");
	arena[RUNTIME + 8] ^= 1;
	arena[RUNTIME + 16] = 1;
	assert_misfit("another version");
	arena[RUNTIME + 16] = 0;
	arena[RUNTIME] = 'X';
	assert_misfit("table of offsets");
	runtime.bias += 1 << 20;
	assert_misfit("cannot be read");
}

static void wrong_threads_are_refused(void **state)
{
	(void)state;
	put(ARENA + TSTATE + 16, ARENA + INTERPRETER + 8);
	assert_misfit("thread states");
	put(ARENA + TSTATE + 16, ARENA + INTERPRETER);
	put(ARENA + THREAD, 0); /* no thread block there */
	assert_misfit("thread states");
	put(ARENA + INTERPRETER + 7344, 8);
	assert_misfit("thread states");
	put(ARENA + RUNTIME + 632, 8);
	assert_misfit("thread states");
}

static void wrong_frames_are_refused(void **state)
{
	(void)state;
	memcpy(arena + NAME, "coder", 6);
	assert_misfit("code object");
	memcpy(arena + NAME, "cod", 4);
	assert_misfit("code object");
	memcpy(arena + NAME, "code", 5);
	put(ARENA + CODE + 8, 8);
	assert_misfit("code object");
	put(ARENA + FRAME, 1);
	assert_misfit("code object");
	put(ARENA + SHIM + 8, 0); /* nothing but a shim: fine */
	assert_fits();
}

static void version_3_11_goes_through_the_cframe(void **state)
{
	(void)state;
	image_old_python(&image, 0x030b07f0);
	image_finish(&image, SHT_DYNSYM);
	inspect();
	struct plait_walk_plan plan;
	runtime = (struct plait_python_runtime) { .binary = binary, .pid = 7 };
	plait_python_runtime_plan(&runtime, &plan);
	runtime.bias = ARENA + RUNTIME - plan.runtime;
	memset(arena, 0, sizeof(arena));
	put(ARENA + RUNTIME + 40, ARENA + INTERPRETER);
	put(ARENA + INTERPRETER + 16, ARENA + TSTATE);
	put(ARENA + TSTATE + 16, ARENA + INTERPRETER);
	put(ARENA + TSTATE + 152, ARENA + THREAD);
	put(ARENA + THREAD, ARENA + THREAD);
	assert_fits();
	put(ARENA + TSTATE + 56, ARENA + CFRAME);
	put(ARENA + CFRAME + 8, ARENA + FRAME);
	assert_misfit("code object");
	put(ARENA + FRAME + 32, ARENA + CODE);
	put(ARENA + CODE + 8, ARENA + TYPE);
	put(ARENA + TYPE + 24, ARENA + NAME);
	memcpy(arena + NAME, "code", 5);
	assert_fits();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sound_process_passes, setup_3_13, teardown),
		cmocka_unit_test_setup_teardown(one_sound_thread_is_enough, setup_3_13, teardown),
		cmocka_unit_test_setup_teardown(wrong_table_is_refused, setup_3_13, teardown),
		cmocka_unit_test_setup_teardown(wrong_threads_are_refused, setup_3_13, teardown),
		cmocka_unit_test_setup_teardown(wrong_frames_are_refused, setup_3_13, teardown),
		cmocka_unit_test_teardown(version_3_11_goes_through_the_cframe, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
