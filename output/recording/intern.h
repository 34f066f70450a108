/*
 * What the writer defines only once: frames and nodes of the stack trie.
 */
#ifndef PLAIT_OUTPUT_RECORDING_INTERN_H
#define PLAIT_OUTPUT_RECORDING_INTERN_H

#include "common/vec.h"
#include "output/recording/record.h"

/* A frame with every field that its kind does not use set to its "none", so that equal frames are equal bytes. */
struct plait_frame_key {
	uint64_t address;
	uint32_t kind, module, process, code;
	int32_t line, end_line, column, end_column;
};

struct plait_frame_table {
	PLAIT_VEC(struct plait_frame_key) frames;
	uint32_t *slots; /* open addressing: index in `frames` or PLAIT_NONE; capacity is a power of two or 0 */
	size_t capacity;
};

/* The index of `key`; `*ret_added` when it is new. PLAIT_NONE when memory ran out. */
uint32_t plait_frame_table_add(struct plait_frame_table *table, const struct plait_frame_key *key, bool *ret_added);
void plait_frame_table_release(struct plait_frame_table *table);

struct plait_node_slot {
	uint32_t parent, frame, node; /* node PLAIT_NONE: free */
};

struct plait_node_table {
	struct plait_node_slot *slots;
	size_t capacity;
	uint32_t count; /* nodes defined */
};

/* The node of `frame` under `parent` or PLAIT_NONE. */
uint32_t plait_node_table_find(const struct plait_node_table *table, uint32_t parent, uint32_t frame);
/* Defines the next node, which is not there yet. PLAIT_NONE when memory ran out. */
uint32_t plait_node_table_add(struct plait_node_table *table, uint32_t parent, uint32_t frame);
void plait_node_table_release(struct plait_node_table *table);

#endif
