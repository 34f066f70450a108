#include "symbolize/demangle.h"

#include <setjmp.h>
#include <string.h>

#include <libiberty/demangle.h>

struct output {
	char *text;
	size_t size;
	jmp_buf too_long;
};

/* Collects a piece of the name. A short hostile name can expand without end, and libiberty's callback has no way to say
 * "enough", so this leaves by longjmp: libiberty keeps its state on the stack here (see cplus_demangle_v3_callback in
 * demangle.h), so nothing is leaked. */
static void collect(const char *piece, size_t size, void *context)
{
	struct output *output = context;
	if (size >= PLAIT_DEMANGLE_MAX - output->size)
		longjmp(output->too_long, 1);
	memcpy(output->text + output->size, piece, size);
	output->size += size;
}

static bool is_rust(const char *name)
{
	return strncmp(name, "_R", 2) == 0 || (strncmp(name, "_ZN", 3) == 0 && strstr(name, "17h"));
}

bool plait_demangle(const char *name, char *ret)
{
	struct output output = { .text = ret };
	if (name[0] != '_' || (name[1] != 'Z' && name[1] != 'R') || strlen(name) >= PLAIT_DEMANGLE_MAX)
		return false;
	if (setjmp(output.too_long))
		return false;
	bool done = is_rust(name) && rust_demangle_callback(name, DMGL_NO_OPTS, collect, &output);
	if (!done && name[1] == 'Z') {
		output.size = 0;
		done = cplus_demangle_v3_callback(name, DMGL_NO_OPTS, collect, &output);
	}
	ret[output.size] = 0;
	return done && output.size > 0;
}
