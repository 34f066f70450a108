/* Versions that no data in the file states (before 3.11): by the names that CPython gives its files. */
#include "python_unwind/binary.h"

#include <ctype.h>
#include <string.h>

/* The N of "<prefix>N" followed by anything but a digit. */
static uint16_t number_after(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);
	if (strncmp(text, prefix, length) || !isdigit((unsigned char)text[length]))
		return 0;
	unsigned value = 0;
	for (text += length; isdigit((unsigned char)*text) && value < 1000; text++)
		value = value * 10 + (unsigned)(*text - '0');
	return value < 1000 ? (uint16_t)value : 0;
}

/* The literal "lib/python3.N" of Modules/getpath.c. */
static uint16_t by_strings(const struct plait_elf *elf)
{
	static const char needle[] = "lib/python3.";
	bool end = false;
	for (size_t i = 0; !end; i++) {
		struct plait_bytes bytes = plait_elf_constants(elf, i, &end);
		for (const uint8_t *at; plait_bytes_left(&bytes); bytes.at = at + 1) {
			char text[sizeof(needle) + 3] = "";
			at = memmem(bytes.at, plait_bytes_left(&bytes), needle, sizeof(needle) - 1);
			if (!at)
				break;
			struct plait_bytes rest = plait_bytes(at, (size_t)(bytes.end - at));
			plait_bytes_read(&rest, text, sizeof(text) - 1);
			uint16_t minor = number_after(text, needle);
			if (minor)
				return minor;
		}
	}
	return 0;
}

uint16_t plait_binary_minor_by_name(const struct plait_elf *elf, const char *path)
{
	const char *soname = plait_elf_soname(elf), *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	uint16_t minor = soname ? number_after(soname, "libpython3.") : 0;
	if (!minor)
		minor = number_after(name, "libpython3.");
	if (!minor)
		minor = number_after(name, "python3.");
	return minor ? minor : by_strings(elf);
}
