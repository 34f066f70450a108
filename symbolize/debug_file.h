/*
 * Where a stripped file's symbols went: a separate debug file (found by build-id or by .gnu_debuglink), or the mini
 * debug info inside the file itself (.gnu_debugdata).
 */
#ifndef PLAIT_SYMBOLIZE_DEBUG_FILE_H
#define PLAIT_SYMBOLIZE_DEBUG_FILE_H

#include "symbolize/elf_image.h"
#include "symbolize/mapped_file.h"

struct plait_debug_file_query {
	const char *debug_directory;	     /* "/usr/lib/debug" */
	const char *path;		     /* of the stripped file, as its process sees it; may be NULL */
	const char *open_path;		     /* as we see it; may be NULL */
	const struct plait_elf_image *image; /* the stripped file; NULL: it could not be read */
	struct plait_build_id build_id;	     /* of the stripped file; size 0: none */
};

/* Finds and maps the separate debug file:
 *     DIRECTORY/.build-id/xx/yyyy.debug    its build-id must be equal
 *     beside the file, in .debug/ there, and under DIRECTORY/<the file's folder>/, the name in .gnu_debuglink; its
 *     build-id must be equal, or, when one side has none, its CRC-32 must be the one that the link tells
 * where DIRECTORY is the debug directory, first in the file's own root (open_path "/proc/PID/root/..."). On success
 * fills both results, which the caller closes (`ret_image` points into `ret_file`). */
bool plait_debug_file_find(const struct plait_debug_file_query *query, struct plait_mapped_file *ret_file,
			   struct plait_elf_image *ret_image);

/* Unpacks .gnu_debugdata (an xz-compressed ELF file with a symbol table). On success `*ret_data` is the caller's to
 * free(3), and `ret_image` points into it. */
bool plait_debug_data_unpack(const struct plait_elf_image *image, uint8_t **ret_data,
			     struct plait_elf_image *ret_image);

#endif
