#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"

static bool take_number(const char **text, const char *key, uint64_t *ret)
{
	size_t length = strlen(key);
	if (strncmp(*text, key, length) != 0)
		return false;
	char *end;
	*ret = strtoull(*text + length, &end, 10);
	*text = end + (*end == ',');
	return true;
}

void agent_settings_read(struct agent_settings *ret)
{
	const char *text = getenv(PLAIT_AGENT_VARIABLE);
	uint64_t timer = PLAIT_AGENT_TIMER_CPU;
	*ret = (struct agent_settings) { .interval_ns = 1000000, .stack_limit = 512 * 1024 };
	while (text && *text) {
		if (take_number(&text, "interval=", &ret->interval_ns) || take_number(&text, "timer=", &timer) ||
		    take_number(&text, "stack=", &ret->stack_limit))
			continue;
		if (strncmp(text, "socket=", 7) != 0 || strlen(text + 7) >= sizeof(ret->socket) || !ret->interval_ns)
			return;
		ret->timer = (enum plait_agent_timer)timer;
		strcpy(ret->socket, text + 7);
		break;
	}
}
