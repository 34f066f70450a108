#include "symbolize/eh_frame.h"

#include <string.h>

/* Pointer encodings (Linux Standard Base, "DWARF Exception Header Encoding"). */
enum {
	ENCODING_ABSOLUTE = 0x00,
	ENCODING_UDATA2 = 0x02,
	ENCODING_UDATA4 = 0x03,
	ENCODING_UDATA8 = 0x04,
	ENCODING_SDATA2 = 0x0a,
	ENCODING_SDATA4 = 0x0b,
	ENCODING_SDATA8 = 0x0c,
	ENCODING_FORMAT = 0x0f,
	ENCODING_TABLE = 0x3b, /* relative to .eh_frame_hdr, signed 4 bytes: the only one that linkers write */
};

struct plait_eh_frame plait_eh_frame_open(const struct plait_elf_image *image)
{
	struct plait_eh_frame none = { .image = image };
	struct plait_elf_section section;
	if (!plait_elf_section_find(image, ".eh_frame_hdr", &section))
		return none;
	struct plait_bytes bytes = plait_elf_section_bytes(image, &section);
	uint8_t version = plait_bytes_u8(&bytes), pointer = plait_bytes_u8(&bytes);
	uint8_t counter = plait_bytes_u8(&bytes), encoding = plait_bytes_u8(&bytes);
	plait_bytes_u32(&bytes);
	uint64_t count = plait_bytes_u32(&bytes);
	bool four_bytes =
		(pointer & ENCODING_FORMAT) == ENCODING_SDATA4 || (pointer & ENCODING_FORMAT) == ENCODING_UDATA4;
	if (bytes.failed || version != 1 || !four_bytes || counter != ENCODING_UDATA4 || encoding != ENCODING_TABLE)
		return none;
	if (count > plait_bytes_left(&bytes) / 8)
		count = plait_bytes_left(&bytes) / 8;
	return (struct plait_eh_frame) {
		.image = image,
		.base = section.address,
		.table = bytes.at,
		.count = (size_t)count,
	};
}

/* Half `which` of entry `i` of the table: 0 the code's start, 1 the FDE's address. */
static uint64_t table_at(const struct plait_eh_frame *frame, size_t i, int which)
{
	int32_t relative;
	memcpy(&relative, frame->table + i * 8 + (size_t)which * 4, sizeof(relative));
	return frame->base + (uint64_t)(int64_t)relative;
}

/* Reads an address range in the format of `encoding`; other formats fail. */
static uint64_t read_encoded(struct plait_bytes *bytes, uint8_t encoding)
{
	switch (encoding & ENCODING_FORMAT) {
	case ENCODING_UDATA2:
	case ENCODING_SDATA2:
		return plait_bytes_u16(bytes);
	case ENCODING_UDATA4:
	case ENCODING_SDATA4:
		return plait_bytes_u32(bytes);
	case ENCODING_ABSOLUTE:
	case ENCODING_UDATA8:
	case ENCODING_SDATA8:
		return plait_bytes_u64(bytes);
	default:
		bytes->failed = true;
		return 0;
	}
}

/* The encoding of code addresses that the CIE at `bytes` asks of its FDEs; false when it cannot be read. */
static bool read_cie(struct plait_bytes bytes, uint8_t *ret)
{
	plait_bytes_u32(&bytes);
	uint32_t id = plait_bytes_u32(&bytes);
	uint8_t version = plait_bytes_u8(&bytes);
	const char *augmentation = plait_elf_string(&bytes, 0);
	if (bytes.failed || id != 0 || !augmentation || (version != 1 && version != 3))
		return false;
	plait_bytes_take(&bytes, strlen(augmentation) + 1);
	plait_bytes_uleb(&bytes); /* code alignment */
	plait_bytes_uleb(&bytes); /* data alignment: signed, of the same length */
	if (version == 1)
		plait_bytes_u8(&bytes);
	else
		plait_bytes_uleb(&bytes);
	uint8_t encoding = ENCODING_ABSOLUTE;
	if (*augmentation == 'z')
		plait_bytes_uleb(&bytes);
	else if (*augmentation != 0)
		return false;
	for (; *augmentation; augmentation++) {
		if (*augmentation == 'R')
			encoding = plait_bytes_u8(&bytes);
		else if (*augmentation == 'L')
			plait_bytes_u8(&bytes);
		else if (*augmentation == 'P')
			read_encoded(&bytes, plait_bytes_u8(&bytes));
	}
	if (bytes.failed)
		return false;
	*ret = encoding;
	return true;
}

/* How many bytes of code the FDE at virtual address `fde` covers; 0 when it cannot be read. */
static uint64_t read_fde_size(const struct plait_eh_frame *frame, uint64_t fde)
{
	struct plait_bytes bytes = plait_elf_bytes_at(frame->image, fde);
	uint32_t length = plait_bytes_u32(&bytes);
	uint32_t back = plait_bytes_u32(&bytes);
	uint8_t encoding;
	if (bytes.failed || length == UINT32_MAX || back == 0)
		return 0;
	if (!read_cie(plait_elf_bytes_at(frame->image, fde + 4 - back), &encoding))
		return 0;
	read_encoded(&bytes, encoding);
	uint64_t size = read_encoded(&bytes, encoding);
	return bytes.failed ? 0 : size;
}

struct plait_eh_frame_bounds plait_eh_frame_find(const struct plait_eh_frame *frame, uint64_t address)
{
	struct plait_eh_frame_bounds bounds = { .next = UINT64_MAX };
	size_t low = 0, high = frame->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (table_at(frame, middle, 0) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < frame->count)
		bounds.next = table_at(frame, low, 0);
	if (low == 0)
		return bounds;
	uint64_t start = table_at(frame, low - 1, 0);
	uint64_t size = read_fde_size(frame, table_at(frame, low - 1, 1));
	if (start <= address && address - start < size && size <= UINT64_MAX - start) {
		bounds.start = start;
		bounds.end = start + size;
	}
	return bounds;
}
