#include "symbolize/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/strtab.h"
#include "symbolize/demangle.h"

/* Texts longer than this are cut. */
enum { TEXT_MAX = PLAIT_DEMANGLE_MAX, SUFFIX_MAX = 64 };

struct plait_names {
	struct plait_strtab *texts;
};

struct plait_names *plait_names_create(void)
{
	struct plait_names *names = calloc(1, sizeof(*names));
	if (!names)
		return NULL;
	names->texts = plait_strtab_create();
	if (!names->texts) {
		free(names);
		return NULL;
	}
	return names;
}

void plait_names_destroy(struct plait_names *names)
{
	if (!names)
		return;
	plait_strtab_destroy(names->texts);
	free(names);
}

/* Where to cut `text` to at most `limit` bytes without splitting a UTF-8 character. */
static size_t cut(const char *text, size_t size, size_t limit)
{
	if (size <= limit)
		return size;
	while (limit > 0 && ((unsigned char)text[limit] & 0xc0) == 0x80)
		limit--;
	return limit;
}

const char *plait_names_add(struct plait_names *names, const char *text, size_t size)
{
	char clean[TEXT_MAX + SUFFIX_MAX];
	size = cut(text, size, sizeof(clean));
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		clean[i] = c < 0x20 || c == 0x7f ? '?' : text[i];
	}
	uint32_t id = plait_strtab_add(names->texts, clean, size, NULL);
	return id == UINT32_MAX ? NULL : plait_strtab_get(names->texts, id);
}

const char *plait_names_add_function(struct plait_names *names, const char *text, size_t size, const char *suffix)
{
	char name[TEXT_MAX], readable[PLAIT_DEMANGLE_MAX], whole[TEXT_MAX + SUFFIX_MAX];
	size = cut(text, size, sizeof(name) - 1);
	memcpy(name, text, size);
	name[size] = 0;
	const char *best = plait_demangle(name, readable) ? readable : name;
	size_t best_size = strlen(best), suffix_size = strnlen(suffix, SUFFIX_MAX);
	memcpy(whole, best, best_size);
	memcpy(whole + best_size, suffix, suffix_size);
	return plait_names_add(names, whole, best_size + suffix_size);
}
