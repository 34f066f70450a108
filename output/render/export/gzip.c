#include "output/render/export/gzip.h"

#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

enum { CHUNK = 1 << 16, GZIP = 16 /* added to windowBits: zlib.h, deflateInit2() */ };

struct gzip {
	z_stream stream;
	FILE *out;
	unsigned char chunk[CHUNK];
};

static int pump(struct gzip *gzip, int flush)
{
	do {
		gzip->stream.next_out = gzip->chunk;
		gzip->stream.avail_out = CHUNK;
		deflate(&gzip->stream, flush);
		size_t size = CHUNK - gzip->stream.avail_out;
		if (size && fwrite(gzip->chunk, 1, size, gzip->out) != size)
			return -1;
	} while (gzip->stream.avail_out == 0);
	return 0;
}

static ssize_t gzip_write(void *cookie, const char *bytes, size_t size)
{
	struct gzip *gzip = cookie;
	gzip->stream.next_in = (unsigned char *)(uintptr_t)bytes;
	gzip->stream.avail_in = (uInt)size;
	return pump(gzip, Z_NO_FLUSH) == 0 ? (ssize_t)size : 0;
}

static int gzip_close(void *cookie)
{
	struct gzip *gzip = cookie;
	int result = pump(gzip, Z_FINISH);
	deflateEnd(&gzip->stream);
	free(gzip);
	return result;
}

FILE *plait_gzip_open(FILE *out)
{
	struct gzip *gzip = calloc(1, sizeof(*gzip));
	if (!gzip)
		return NULL;
	gzip->out = out;
	if (deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + GZIP, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK) {
		free(gzip);
		return NULL;
	}
	FILE *stream = fopencookie(gzip, "w", (cookie_io_functions_t) { .write = gzip_write, .close = gzip_close });
	if (!stream) {
		deflateEnd(&gzip->stream);
		free(gzip);
	}
	return stream;
}
