#include "perf/unwind/fde_index.h"

#include <string.h>

#include "common/bytes.h"
#include "perf/unwind/image.h"

/* DW_EH_PE_* of the Linux Standard Base 5.0, section 10.5.1. */
enum {
	ENCODING_UDATA4 = 0x03,
	ENCODING_PCREL_SDATA4 = 0x1b,
	ENCODING_DATAREL_SDATA4 = 0x3b,
	ENCODING_OMIT = 0xff,
};

#define HEADER_SIZE 12 /* version, three encodings, pointer to .eh_frame, count */
#define ENTRY_SIZE 8

void plait_fde_index_init(struct plait_fde_index *index, const struct plait_image *image, uint64_t address,
			  uint64_t size)
{
	*index = (struct plait_fde_index) { 0 };
	const uint8_t *header = plait_image_bytes(image, address, HEADER_SIZE, false);
	if (!header || size < HEADER_SIZE || header[0] != 1 || header[1] != ENCODING_PCREL_SDATA4 ||
	    header[2] != ENCODING_UDATA4 || header[3] != ENCODING_DATAREL_SDATA4)
		return;
	uint32_t count;
	memcpy(&count, header + 8, sizeof(count));
	if (count > (size - HEADER_SIZE) / ENTRY_SIZE)
		return;
	*index = (struct plait_fde_index) { .address = address, .table = address + HEADER_SIZE, .count = count };
}

/* Where entry `i` says that its FDE's code starts and where the FDE itself is. */
static bool entry(const struct plait_fde_index *index, const struct plait_image *image, uint64_t i, uint64_t *ret_code,
		  uint64_t *ret_fde)
{
	const uint8_t *bytes = plait_image_bytes(image, index->table + i * ENTRY_SIZE, ENTRY_SIZE, false);
	int32_t pair[2];
	if (!bytes)
		return false;
	memcpy(pair, bytes, sizeof(pair));
	*ret_code = index->address + (uint64_t)(int64_t)pair[0];
	*ret_fde = index->address + (uint64_t)(int64_t)pair[1];
	return true;
}

/* The number of entries that start at or below `address`. */
static uint64_t entries_below(const struct plait_fde_index *index, const struct plait_image *image, uint64_t address)
{
	uint64_t low = 0, high = index->count, code, fde;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (entry(index, image, middle, &code, &fde) && code <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Bytes of a pointer encoded as `encoding`, 0 for those of variable length. */
static size_t encoded_size(uint8_t encoding)
{
	static const uint8_t sizes[16] = { [0] = 8, [2] = 2, [3] = 4, [4] = 8, [8] = 8, [10] = 2, [11] = 4, [12] = 8 };
	return encoding == ENCODING_OMIT ? 0 : sizes[encoding & 15];
}

/* The record (CIE or FDE) at `address` without its length field; *ret_id is the field after it, *ret_id_address where
 * that lies. */
static bool record(const struct plait_image *image, uint64_t address, struct plait_bytes *ret, uint32_t *ret_id,
		   uint64_t *ret_id_address)
{
	const uint8_t *head = plait_image_bytes(image, address, 8, false);
	uint32_t length;
	if (!head)
		return false;
	memcpy(&length, head, sizeof(length));
	/* 0 ends the table; 0xffffffff begins a 64 bit length, which no linker writes here. */
	const uint8_t *body =
		length >= 4 && length < 0xfffffff0 ? plait_image_bytes(image, address + 4, length, false) : NULL;
	if (!body)
		return false;
	*ret = plait_bytes(body, length);
	*ret_id = plait_bytes_u32(ret);
	*ret_id_address = address + 4;
	return true;
}

/* The pointer encoding that a CIE gives its FDEs. */
static bool pointer_encoding(struct plait_bytes cie, uint8_t *ret)
{
	uint8_t version = plait_bytes_u8(&cie);
	const char *augmentation = (const char *)cie.at;
	while (plait_bytes_u8(&cie)) {
	}
	if (cie.failed)
		return false;
	*ret = 0;
	if (augmentation[0] != 'z')
		return true;
	plait_bytes_uleb(&cie); /* code alignment */
	plait_bytes_uleb(&cie); /* data alignment: signed, but of the same length */
	if (version == 1)
		plait_bytes_u8(&cie);
	else
		plait_bytes_uleb(&cie);
	plait_bytes_uleb(&cie); /* length of the augmentation data */
	for (const char *c = augmentation + 1; *c; c++) {
		if (*c == 'R') {
			*ret = plait_bytes_u8(&cie);
			return !cie.failed;
		}
		if (*c == 'L')
			plait_bytes_u8(&cie);
		else if (*c == 'P')
			plait_bytes_take(&cie, encoded_size(plait_bytes_u8(&cie)));
		else if (*c != 'S' && *c != 'B')
			return false;
	}
	return !cie.failed;
}

/* How many bytes of code the FDE at `address` covers. */
static bool fde_range(const struct plait_image *image, uint64_t address, uint64_t *ret)
{
	struct plait_bytes fde, cie;
	uint32_t distance, id;
	uint64_t distance_at, id_at;
	uint8_t encoding;
	if (!record(image, address, &fde, &distance, &distance_at) || !distance ||
	    !record(image, distance_at - distance, &cie, &id, &id_at) || id || !pointer_encoding(cie, &encoding))
		return false;
	size_t size = encoded_size(encoding);
	*ret = 0;
	if (!size || !plait_bytes_take(&fde, size))
		return false;
	plait_bytes_read(&fde, ret, size);
	return !fde.failed;
}

bool plait_fde_index_hole(const struct plait_fde_index *index, const struct plait_image *image, uint64_t address,
			  uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t below = entries_below(index, image, address), code, fde, size;
	*ret_start = 0;
	*ret_end = UINT64_MAX;
	if (below < index->count && entry(index, image, below, &code, &fde))
		*ret_end = code;
	if (!below || !entry(index, image, below - 1, &code, &fde) || !fde_range(image, fde, &size) ||
	    address - code < size)
		return false;
	*ret_start = code + size;
	return true;
}
