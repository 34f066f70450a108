/* .eh_frame_hdr and .eh_frame as of the Linux Standard Base (Core, "Exception Frames") and DWARF 5 section 6.4. */
#include "python_unwind/binary_fde.h"

#include "python_unwind/arch/arch.h"

enum {
	PE_ABSOLUTE = 0x00,
	PE_UDATA4 = 0x03,
	PE_UDATA8 = 0x04,
	PE_SDATA4 = 0x0b,
	PE_SDATA8 = 0x0c,
	PE_FORMAT = 0x0f,
	PE_PC_RELATIVE = 0x10,
	PE_APPLICATION = 0x70,
	PE_INDIRECT = 0x80,
	PE_TABLE = 0x3b, /* sdata4, relative to .eh_frame_hdr: the one form that linkers write */
};

enum {
	CFA_ADVANCE = 0x40, /* the upper two bits are the instruction */
	CFA_OFFSET = 0x80,
	CFA_RESTORE = 0xc0,
	CFA_NOP = 0x00,
	CFA_OFFSET_EXTENDED = 0x05,
	CFA_RESTORE_EXTENDED = 0x06,
	CFA_UNDEFINED = 0x07,
	CFA_SAME_VALUE = 0x08,
	CFA_REGISTER = 0x09,
	CFA_REMEMBER = 0x0a,
	CFA_RESTORE_STATE = 0x0b,
	CFA_DEF_CFA = 0x0c,
	CFA_DEF_CFA_REGISTER = 0x0d,
	CFA_DEF_CFA_OFFSET = 0x0e,
	CFA_DEF_CFA_EXPRESSION = 0x0f,
	CFA_EXPRESSION = 0x10,
	CFA_VAL_EXPRESSION = 0x16,
	CFA_GNU_ARGS_SIZE = 0x2e,
};

/* Where the CFA is: register + offset. */
struct cfa {
	uint64_t reg, offset;
	bool other; /* an expression, or not understood */
};

struct cie {
	struct plait_bytes instructions;
	uint8_t encoding; /* of pc_begin in its FDEs */
	bool augmented;	  /* its FDEs have augmentation data */
};

/* An encoded pointer that lies at address `place`. Sets `failed` for the forms that x86-64 and aarch64 do not use. */
static uint64_t read_pointer(struct plait_bytes *bytes, uint8_t encoding, uint64_t place)
{
	uint64_t value = 0;
	switch (encoding & PE_FORMAT) {
	case PE_UDATA4:
		value = plait_bytes_u32(bytes);
		break;
	case PE_SDATA4:
		value = (uint64_t)(int64_t)(int32_t)plait_bytes_u32(bytes);
		break;
	case PE_ABSOLUTE:
	case PE_UDATA8:
	case PE_SDATA8:
		value = plait_bytes_u64(bytes);
		break;
	default:
		bytes->failed = true;
	}
	if (encoding & PE_INDIRECT)
		bytes->failed = true;
	if ((encoding & PE_APPLICATION) == PE_PC_RELATIVE)
		value += place;
	else if (encoding & PE_APPLICATION)
		bytes->failed = true;
	return value;
}

/* The bytes of the CIE or FDE at `address`, its length word taken off. */
static struct plait_bytes entry_at(const struct plait_elf *elf, uint64_t address)
{
	struct plait_bytes bytes = plait_elf_at(elf, address);
	uint32_t length = plait_bytes_u32(&bytes);
	if (!length || length > plait_bytes_left(&bytes)) /* 0xffffffff announces 64 bit lengths: nobody writes them */
		bytes.failed = true;
	if (!bytes.failed)
		bytes.end = bytes.at + length;
	return bytes;
}

/* Reads the augmentation data that `letters` (without the 'z') describe. */
static void read_augmentation(struct plait_bytes data, const char *letters, struct cie *cie)
{
	for (; *letters && !data.failed; letters++) {
		if (*letters == 'R') {
			cie->encoding = plait_bytes_u8(&data);
		} else if (*letters == 'L') {
			plait_bytes_u8(&data);
		} else if (*letters == 'P') {
			uint8_t encoding = plait_bytes_u8(&data);
			read_pointer(&data, encoding & PE_FORMAT, 0);
		} else if (*letters != 'S' && *letters != 'B') {
			return;
		}
	}
}

static bool read_cie(const struct plait_elf *elf, uint64_t address, struct cie *ret)
{
	struct plait_bytes bytes = entry_at(elf, address);
	struct cie cie = { .encoding = PE_ABSOLUTE };
	uint32_t id = plait_bytes_u32(&bytes);
	uint8_t version = plait_bytes_u8(&bytes);
	if (bytes.failed || id || (version != 1 && version != 3))
		return false;
	const char *augmentation = (const char *)bytes.at;
	while (plait_bytes_u8(&bytes)) /* zero once it runs past the end */
		;
	plait_bytes_uleb(&bytes); /* code alignment */
	plait_bytes_uleb(&bytes); /* data alignment: signed, of the same size */
	version == 1 ? plait_bytes_u8(&bytes) : plait_bytes_uleb(&bytes);
	if (bytes.failed)
		return false;
	if (*augmentation == 'z') {
		uint64_t size = plait_bytes_uleb(&bytes);
		const void *data = plait_bytes_take(&bytes, size);
		if (!data)
			return false;
		cie.augmented = true;
		read_augmentation(plait_bytes(data, size), augmentation + 1, &cie);
	}
	cie.instructions = bytes;
	*ret = cie;
	return !bytes.failed;
}

/* Skips the operands of an instruction that does not touch the CFA; false when it is not known. */
static bool skip_operands(struct plait_bytes *bytes, uint8_t op)
{
	switch (op) {
	case CFA_NOP:
	case CFA_REMEMBER:
	case CFA_RESTORE_STATE:
		return true;
	case CFA_OFFSET_EXTENDED:
	case CFA_REGISTER:
		plait_bytes_uleb(bytes);
		plait_bytes_uleb(bytes);
		return true;
	case CFA_RESTORE_EXTENDED:
	case CFA_UNDEFINED:
	case CFA_SAME_VALUE:
	case CFA_GNU_ARGS_SIZE:
		plait_bytes_uleb(bytes);
		return true;
	case CFA_EXPRESSION:
	case CFA_VAL_EXPRESSION:
		plait_bytes_uleb(bytes);
		plait_bytes_take(bytes, plait_bytes_uleb(bytes));
		return true;
	default:
		return false;
	}
}

/* Runs the instructions that hold at the first address: up to the first that advances. */
static void run_first_row(struct plait_bytes bytes, struct cfa *cfa)
{
	while (plait_bytes_left(&bytes)) {
		uint8_t op = plait_bytes_u8(&bytes);
		switch (op & 0xc0) {
		case CFA_ADVANCE:
			return;
		case CFA_OFFSET:
			plait_bytes_uleb(&bytes);
			continue;
		case CFA_RESTORE:
			continue;
		}
		switch (op) {
		case CFA_DEF_CFA:
			cfa->reg = plait_bytes_uleb(&bytes);
			cfa->offset = plait_bytes_uleb(&bytes);
			break;
		case CFA_DEF_CFA_REGISTER:
			cfa->reg = plait_bytes_uleb(&bytes);
			break;
		case CFA_DEF_CFA_OFFSET:
			cfa->offset = plait_bytes_uleb(&bytes);
			break;
		case CFA_DEF_CFA_EXPRESSION:
			cfa->other = true;
			return;
		default:
			if (!skip_operands(&bytes, op))
				return; /* DW_CFA_advance_loc1, 2, 4, set_loc, or unknown */
		}
	}
}

static bool read_fde(const struct plait_elf *elf, uint64_t address, struct plait_fde *ret)
{
	struct plait_bytes bytes = entry_at(elf, address);
	uint64_t back = plait_bytes_u32(&bytes); /* from this word to the CIE */
	struct cie cie;
	if (bytes.failed || !back || !read_cie(elf, address + 4 - back, &cie))
		return false;
	struct plait_fde fde;
	fde.start = read_pointer(&bytes, cie.encoding, address + 8);
	fde.end = fde.start + read_pointer(&bytes, cie.encoding & PE_FORMAT, 0);
	if (cie.augmented)
		plait_bytes_take(&bytes, plait_bytes_uleb(&bytes));
	if (bytes.failed || fde.end <= fde.start)
		return false;
	struct cfa cfa = { 0 };
	run_first_row(cie.instructions, &cfa);
	run_first_row(bytes, &cfa);
	const struct plait_python_arch *arch = plait_python_arch_of(elf->header.e_machine);
	fde.fragment =
		arch && (cfa.other || cfa.reg != arch->entry_cfa_register || cfa.offset != arch->entry_cfa_offset);
	*ret = fde;
	return true;
}

/* Entry `index` of the search table: {start, FDE}, both relative to .eh_frame_hdr at `base`. */
static void table_entry(const uint8_t *table, size_t index, uint64_t base, uint64_t *ret_start, uint64_t *ret_fde)
{
	int32_t pair[2];
	memcpy(pair, table + index * sizeof(pair), sizeof(pair));
	*ret_start = base + (uint64_t)(int64_t)pair[0];
	*ret_fde = base + (uint64_t)(int64_t)pair[1];
}

bool plait_fde_find(const struct plait_elf *elf, uint64_t address, struct plait_fde *ret)
{
	Elf64_Phdr header;
	if (!plait_elf_segment(elf, PT_GNU_EH_FRAME, &header))
		return false;
	struct plait_bytes bytes = plait_elf_at(elf, header.p_vaddr);
	uint8_t version = plait_bytes_u8(&bytes);
	uint8_t frame_encoding = plait_bytes_u8(&bytes);
	uint8_t count_encoding = plait_bytes_u8(&bytes);
	uint8_t table_encoding = plait_bytes_u8(&bytes);
	read_pointer(&bytes, frame_encoding, header.p_vaddr + 4);
	size_t count = read_pointer(&bytes, count_encoding, 0);
	if (bytes.failed || version != 1 || table_encoding != PE_TABLE)
		return false;
	if (count > plait_bytes_left(&bytes) / 8)
		count = plait_bytes_left(&bytes) / 8;
	size_t low = 0, high = count; /* the last entry whose start is not above `address` is low - 1 */
	while (low < high) {
		uint64_t start, fde;
		size_t middle = low + (high - low) / 2;
		table_entry(bytes.at, middle, header.p_vaddr, &start, &fde);
		if (start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return false;
	uint64_t start, fde;
	struct plait_fde found;
	table_entry(bytes.at, low - 1, header.p_vaddr, &start, &fde);
	if (!read_fde(elf, fde, &found) || address < found.start || address >= found.end)
		return false;
	*ret = found;
	return true;
}
