/* What a program inside a container can reach: serves lines on a port, each a probe, each answered with one word.
 *   tcp <ip> <port>            open | refused | timeout | unreachable | <errno>
 *   ask <ip> <port> <hex>      the first bytes answered to these bytes, as text without line ends; "nothing" when closed unheard
 *   udp <ip> <port>            answered | timeout | refused
 *   hello                      hello
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

static const char *word(int e) {
    static char other[32];
    switch (e) {
        case 0: return "open";
        case ECONNREFUSED: return "refused";
        case ETIMEDOUT: return "timeout";
        case EHOSTUNREACH:
        case ENETUNREACH: return "unreachable";
        default: snprintf(other, sizeof other, "errno%d", e); return other;
    }
}

static int dial(const char *ip, int port, int *error) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, ip, &to.sin_addr);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    *error = 0;
    if (connect(s, (struct sockaddr *)&to, sizeof to) != 0) {
        if (errno != EINPROGRESS) { *error = errno; close(s); return -1; }
        struct pollfd p = {s, POLLOUT, 0};
        if (poll(&p, 1, 1500) == 0) { *error = ETIMEDOUT; close(s); return -1; }
        socklen_t size = sizeof *error;
        getsockopt(s, SOL_SOCKET, SO_ERROR, error, &size);
        if (*error) { close(s); return -1; }
    }
    fcntl(s, F_SETFL, 0);
    return s;
}

static void ask(FILE *out, const char *ip, int port, const char *hex) {
    int error, s = dial(ip, port, &error);
    if (s < 0) { fprintf(out, "%s\n", word(error)); return; }
    char bytes[2048];
    int n = 0;
    for (; hex[0] && hex[1] && n < 2048; hex += 2) { unsigned b; sscanf(hex, "%2x", &b); bytes[n++] = (char)b; }
    (void)!write(s, bytes, n);
    struct pollfd p = {s, POLLIN, 0};
    int got = poll(&p, 1, 4000) > 0 ? (int)read(s, bytes, sizeof bytes - 1) : 0;
    close(s);
    if (got <= 0) { fprintf(out, "nothing\n"); return; }
    for (int i = 0; i < got; i++) if (bytes[i] == '\n' || bytes[i] == '\r') bytes[i] = ' ';
    bytes[got] = 0;
    fprintf(out, "%s\n", bytes);
}

static void udp(FILE *out, const char *ip, int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, ip, &to.sin_addr);
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    /* A DNS question for example.com A, which is as good as any word. */
    static const unsigned char q[] = {0,1,1,0,0,1,0,0,0,0,0,0,7,'e','x','a','m','p','l','e',3,'c','o','m',0,0,1,0,1};
    if (connect(s, (struct sockaddr *)&to, sizeof to) != 0 || send(s, q, sizeof q, 0) < 0) { fprintf(out, "%s\n", word(errno)); close(s); return; }
    struct pollfd p = {s, POLLIN, 0};
    char b[512];
    if (poll(&p, 1, 1500) == 0) fprintf(out, "timeout\n");
    else if (recv(s, b, sizeof b, 0) < 0) fprintf(out, "%s\n", word(errno));
    else fprintf(out, "answered\n");
    close(s);
}

static void serve(int c) {
    FILE *in = fdopen(c, "r"), *out = fdopen(dup(c), "w");
    char line[8192], ip[64], hex[8192];
    int port;
    while (fgets(line, sizeof line, in)) {
        if (sscanf(line, "tcp %63s %d", ip, &port) == 2) {
            int error, s = dial(ip, port, &error);
            if (s >= 0) close(s);
            fprintf(out, "%s\n", word(error));
        } else if (sscanf(line, "ask %63s %d %8191s", ip, &port, hex) == 3) ask(out, ip, port, hex);
        else if (sscanf(line, "udp %63s %d", ip, &port) == 2) udp(out, ip, port);
        else fprintf(out, "hello\n");
        fflush(out);
    }
}

int main(int argc, char **argv) {
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 8080), .sin_addr = {INADDR_ANY}};
    int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (struct sockaddr *)&at, sizeof at) || listen(s, 64)) { perror("listen"); return 1; }
    for (;;) {
        int c = accept(s, 0, 0);
        if (c < 0) continue;
        if (fork() == 0) { close(s); serve(c); _exit(0); }
        close(c);
    }
}
