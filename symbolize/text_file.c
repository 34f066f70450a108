#include "symbolize/text_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"

int plait_text_read(int fd, uint64_t offset, size_t limit, char **ret_text, size_t *ret_size)
{
	char *text PLAIT_FREE = NULL;
	size_t size = 0, capacity = 0;
	for (;;) {
		if (capacity - size < 2) {
			capacity = capacity ? capacity * 2 : 1 << 16;
			char *grown = realloc(text, capacity);
			if (!grown)
				return ENOMEM;
			text = grown;
		}
		size_t room = capacity - size - 1;
		if (room > limit - size)
			room = limit - size;
		ssize_t got = room ? pread(fd, text + size, room, (off_t)(offset + size)) : 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (got == 0)
			break;
		size += (size_t)got;
	}
	text[size] = 0;
	*ret_text = PLAIT_TAKE(text);
	*ret_size = size;
	return 0;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

unsigned plait_text_hex(const char **at, const char *end, uint64_t *ret)
{
	const char *p = *at;
	if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	uint64_t value = 0;
	unsigned digits = 0;
	for (; p < end && digit_value(*p) >= 0; p++, digits++)
		value = value << 4 | (uint64_t)digit_value(*p);
	if (digits > 16)
		return 0;
	*at = p;
	*ret = value;
	return digits;
}
