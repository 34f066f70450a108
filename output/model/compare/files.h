/*
 * Python files of several recordings under names that hold in another checkout, another environment.
 */
#ifndef PLAIT_OUTPUT_MODEL_COMPARE_FILES_H
#define PLAIT_OUTPUT_MODEL_COMPARE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plait_compare_files;

/* An empty set; NULL when memory ran out. */
struct plait_compare_files *plait_compare_files_create(void);
void plait_compare_files_destroy(struct plait_compare_files *files);

/* Adds a file of an input. `path` is borrowed. False: no memory. */
bool plait_compare_files_add(struct plait_compare_files *files, uint32_t input, const char *path);

/* After the last one: decides on names. Files of packages and of the standard library are named from there on
 * ("numpy/core/fromnumeric.py"), others by their base name when no input has two of it, else by the whole path when two
 * inputs have it, else from the folder on that all such files of their input lie in. False: no memory. */
bool plait_compare_files_decide(struct plait_compare_files *files);

/* The name of an added file. */
const char *plait_compare_files_name(const struct plait_compare_files *files, uint32_t input, const char *path);

#endif
