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

const char *plait_number_brief(uint64_t amount, bool unit_ns, char ret[PLAIT_NUMBER_SIZE])
{
	static const char *const suffixes[] = { "k", "M", "G", "T", "P", "E" };
	if (unit_ns || amount < 100000)
		return plait_number_amount(amount, unit_ns, ret);
	double value = (double)amount / 1000;
	size_t suffix = 0;
	for (; value >= 999.5 && suffix < 5; suffix++)
		value /= 1000;
	snprintf(ret, PLAIT_NUMBER_SIZE, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, suffixes[suffix]);
	return ret;
}

/* Decimals that show two digits of the error, but no more than tell the value. */
static int decimals_of(double value, double error)
{
	int decimals = 0;
	if (value == 0 && error == 0)
		return 0;
	double small = error > 0 ? error : value / 10;
	for (double scale = 1; decimals < 4 && small * scale < 9.95 && value * scale < 995; scale *= 10)
		decimals++;
	return decimals;
}

const char *plait_number_ratio(const struct plait_ratio *ratio, const struct plait_metric *metric, bool ascii,
			       char ret[PLAIT_NUMBER_SIZE])
{
	double value, error;
	if (!plait_ratio_value(ratio, metric, &value, &error)) {
		snprintf(ret, PLAIT_NUMBER_SIZE, "?");
		return ret;
	}
	int exponent = 0;
	double larger = value > error ? value : error;
	bool small = larger > 0 && larger < 0.0009995;
	for (; small && larger < 0.9995 && exponent > -18; exponent -= 3)
		value *= 1000, error *= 1000, larger *= 1000;
	for (; value >= 99999.5 && exponent < 18; exponent += 3)
		value /= 1000, error /= 1000;
	int decimals = decimals_of(value, error);
	int size =
		snprintf(ret, PLAIT_NUMBER_SIZE, "%.*f %s%.*f", decimals, value, ascii ? "+-" : "±", decimals, error);
	if (exponent && size < PLAIT_NUMBER_SIZE)
		snprintf(ret + size, PLAIT_NUMBER_SIZE - (size_t)size, " e%d", exponent);
	return ret;
}
