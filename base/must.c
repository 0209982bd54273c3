#include "base/must.h"

#include <stdlib.h>

#include "base/log.h"

void
must_failed(const char *what, const char *file, int line)
{
    log_error("must", "this cannot be, stopping: %s at=%s:%d", what, file, line);
    abort();
}
