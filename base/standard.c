#include "base/standard.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/must.h"

void
standard_open(void)
{
    int fd;

    /* The lowest number that is free is given. */
    do
        must((fd = open("/dev/null", O_RDWR)) >= 0);
    while (fd <= STDERR_FILENO);
    close(fd);
}
