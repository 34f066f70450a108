#include "output/render/html/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

enum { GROUPS_A_LINE = 1024 };

struct base64 {
	FILE *out;
	uint32_t bits;	/* of the bytes not yet written */
	uint32_t bytes; /* 0 to 2 */
	uint32_t groups;
};

static void put_group(struct base64 *base64)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = base64->bits << (8 * (3 - base64->bytes));
	for (uint32_t i = 0; i < 4; i++)
		putc_unlocked(i <= base64->bytes ? digits[bits >> (18 - 6 * i) & 63] : '=', base64->out);
	base64->bits = base64->bytes = 0;
	if (++base64->groups % GROUPS_A_LINE == 0)
		putc_unlocked('\n', base64->out);
}

static ssize_t base64_write(void *cookie, const char *bytes, size_t size)
{
	struct base64 *base64 = cookie;
	for (size_t i = 0; i < size; i++) {
		base64->bits = base64->bits << 8 | (uint8_t)bytes[i];
		if (++base64->bytes == 3)
			put_group(base64);
	}
	return ferror(base64->out) ? 0 : (ssize_t)size;
}

static int base64_close(void *cookie)
{
	struct base64 *base64 = cookie;
	if (base64->bytes)
		put_group(base64);
	int result = ferror(base64->out) ? -1 : 0;
	free(base64);
	return result;
}

FILE *plait_base64_open(FILE *out)
{
	struct base64 *base64 = calloc(1, sizeof(*base64));
	if (!base64)
		return NULL;
	base64->out = out;
	FILE *stream =
		fopencookie(base64, "w", (cookie_io_functions_t) { .write = base64_write, .close = base64_close });
	if (!stream)
		free(base64);
	return stream;
}
