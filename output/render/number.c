#include "output/render/number.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *plait_number_count(uint64_t count, char ret[PLAIT_NUMBER_SIZE])
{
	char digits[PLAIT_NUMBER_SIZE];
	int size = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	char *to = ret;
	for (int i = 0; i < size; i++) {
		if (i && (size - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return ret;
}

/* part / whole in units of 1 / `scale`, rounded; whole is not 0. */
static uint64_t ratio(uint64_t part, uint64_t whole, uint64_t scale)
{
	return (uint64_t)(((unsigned __int128)part * scale + whole / 2) / whole);
}

const char *plait_number_percent(uint64_t part, uint64_t whole, char ret[PLAIT_NUMBER_SIZE])
{
	uint64_t hundredths = whole ? ratio(part, whole, 10000) : 0;
	const char *sign = "";
	if (part && !hundredths) {
		hundredths = 1;
		sign = "<";
	} else if (part < whole && hundredths == 10000) {
		hundredths = 9999;
		sign = ">";
	}
	if (hundredths % 100 == 0)
		snprintf(ret, PLAIT_NUMBER_SIZE, "%s%" PRIu64 " %%", sign, hundredths / 100);
	else
		snprintf(ret, PLAIT_NUMBER_SIZE, "%s%" PRIu64 ".%02" PRIu64 " %%", sign, hundredths / 100,
			 hundredths % 100);
	return ret;
}

const char *plait_number_share(uint64_t part, uint64_t whole, char ret[PLAIT_NUMBER_SIZE])
{
	uint64_t tenths = whole ? ratio(part, whole, 1000) : 0;
	if (!part)
		ret[0] = '\0';
	else
		snprintf(ret, PLAIT_NUMBER_SIZE, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
	return ret;
}

const char *plait_number_amount(uint64_t amount, bool unit_ns, char ret[PLAIT_NUMBER_SIZE])
{
	if (!unit_ns)
		return plait_number_count(amount, ret);
	double seconds = (double)amount / 1e9;
	int decimals = seconds >= 9.995 ? 1 : 2;
	uint64_t scale = decimals == 1 ? 100000000 : 10000000;
	uint64_t units = amount / scale + (amount % scale >= scale / 2);
	if (seconds < 0.9995)
		snprintf(ret, PLAIT_NUMBER_SIZE, "%" PRIu64 " ms", (amount + 500000) / 1000000);
	else
		snprintf(ret, PLAIT_NUMBER_SIZE, "%" PRIu64 ".%0*" PRIu64 " s", units / (decimals == 1 ? 10 : 100),
			 decimals, units % (decimals == 1 ? 10 : 100));
	return ret;
}
