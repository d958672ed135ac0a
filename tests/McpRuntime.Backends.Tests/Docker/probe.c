/* What the tests run inside containers: one static program, so that its image holds nothing else. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int serve(int port) {
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 16)) {
        perror("listen");
        return 1;
    }
    for (;;) {
        int client = accept(listener, 0, 0);
        const char *answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
        if (client >= 0) {
            char request[2048];
            if (read(client, request, sizeof request) > 0) write(client, answer, strlen(answer));
            close(client);
        }
    }
}

static int reach(const char *host, int port) {
    struct timeval wait = {2, 0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, host, &address.sin_addr);
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(s, (void *)&address, sizeof address)) {
        printf("no: %s\n", strerror(errno));
        return 1;
    }
    printf("reached\n");
    return 0;
}

/* A connection proves little where something in between accepts for everybody; an answer proves more. */
static int ask(const char *host, int port) {
    char answer[256] = "";
    struct timeval wait = {3, 0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, host, &address.sin_addr);
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (connect(s, (void *)&address, sizeof address) || write(s, "GET / HTTP/1.0\r\n\r\n", 18) < 0 || read(s, answer, 255) <= 0) {
        printf("no: %s\n", strerror(errno));
        return 1;
    }
    printf(strstr(answer, "\r\n\r\nok") ? "answered\n" : "no: something else answered\n");
    return 0;
}

int main(int count, char **words) {
    setvbuf(stdout, 0, _IONBF, 0);
    if (count > 2 && !strcmp(words[1], "lines")) {
        for (int i = 0; i < atoi(words[2]); i++) {
            fprintf(i % 2 ? stderr : stdout, "line %d\n", i);
            usleep(15000); /* two pipes: the engine orders by when it read them */
        }
        return serve(8080);
    }
    if (count > 2 && !strcmp(words[1], "exit")) return atoi(words[2]);
    if (count > 3 && !strcmp(words[1], "reach")) return reach(words[2], atoi(words[3]));
    if (count > 3 && !strcmp(words[1], "ask")) return ask(words[2], atoi(words[3]));
    if (count > 2 && !strcmp(words[1], "write")) {
        FILE *file = fopen(words[2], "w");
        printf("%s\n", file ? "written" : strerror(errno));
        return !file;
    }
    return serve(8080);
}
