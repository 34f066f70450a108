/*
 * A mapped file as every stage speaks of it: an ELF file (or the vdso, or JIT code without a file).
 */
#ifndef PLAIT_COMMON_MODULE_H
#define PLAIT_COMMON_MODULE_H

#include <stddef.h>
#include <stdint.h>

#define PLAIT_BUILD_ID_MAX 32

struct plait_build_id {
	uint8_t size; /* 0: none */
	uint8_t bytes[PLAIT_BUILD_ID_MAX];
};

/* What identifies a file and where its bytes can be read now. */
struct plait_file_reference {
	const char *path;      /* as the target's process sees it, e.g. "/usr/bin/python3.11", "[vdso]" */
	const char *open_path; /* what the recorder can open, e.g. "/proc/42/root/usr/bin/python3.11" or
				* "/proc/42/map_files/400000-500000"; NULL: nothing */
	uint64_t device;
	uint64_t inode;
	struct plait_build_id build_id;
};

#endif
