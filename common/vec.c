#include "common/vec.h"

#include <stdint.h>

bool plait_vec_grow(void **data, size_t *capacity, size_t wanted, size_t size)
{
	size_t grown = *capacity ? *capacity : 8;
	while (grown < wanted) {
		if (grown > SIZE_MAX / 2)
			return false;
		grown *= 2;
	}
	void *moved = reallocarray(*data, grown, size);
	if (!moved)
		return false;
	*data = moved;
	*capacity = grown;
	return true;
}
