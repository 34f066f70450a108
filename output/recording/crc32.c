#include "output/recording/crc32.h"

void plait_crc32_init(struct plait_crc32 *crc)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t rest = byte;
		for (int bit = 0; bit < 8; bit++)
			rest = (rest >> 1) ^ (rest & 1 ? 0xedb88320u : 0);
		crc->table[0][byte] = rest;
	}
	for (int zeros = 1; zeros < 8; zeros++) {
		for (uint32_t byte = 0; byte < 256; byte++) {
			uint32_t rest = crc->table[zeros - 1][byte];
			crc->table[zeros][byte] = (rest >> 8) ^ crc->table[0][rest & 0xff];
		}
	}
}

/* Eight bytes a step ("slicing-by-8", Kounavis and Berry, 2005), each looked up with as many zeros as follow it. */
uint32_t plait_crc32(const struct plait_crc32 *crc, const void *data, size_t size)
{
	const uint8_t *at = data;
	uint32_t rest = ~0u;
	for (; size >= 8; size -= 8, at += 8) {
		uint32_t low = rest ^ (at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24);
		rest = crc->table[7][low & 0xff] ^ crc->table[6][low >> 8 & 0xff] ^ crc->table[5][low >> 16 & 0xff] ^
		       crc->table[4][low >> 24] ^ crc->table[3][at[4]] ^ crc->table[2][at[5]] ^ crc->table[1][at[6]] ^
		       crc->table[0][at[7]];
	}
	for (; size; size--, at++)
		rest = (rest >> 8) ^ crc->table[0][(rest ^ *at) & 0xff];
	return ~rest;
}
