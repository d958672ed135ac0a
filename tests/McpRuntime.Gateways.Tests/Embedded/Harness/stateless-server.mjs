// An MCP server of 2026-07-28 and nothing before, made of the protocol's own TypeScript SDK.
// Arguments: the node_modules folder that holds it. Environment: PORT.
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const modules = process.argv[2];
const load = (...path) => import(pathToFileURL(join(modules, ...path)).href);
const { McpServer, createMcpHandler, fromJsonSchema } = await load('@modelcontextprotocol', 'server', 'dist', 'index.mjs');

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: 'stateless', version: '7.1' }, { capabilities: { tools: { listChanged: true } } });
  const text = fromJsonSchema({ type: 'object', properties: { text: { type: 'string' } }, required: ['text'] });
  server.registerTool('shout', { description: 'Says it louder', inputSchema: text }, async ({ text }) => ({
    content: [{ type: 'text', text: text.toUpperCase() }],
  }));
  return server;
}, { legacy: 'reject' });

createServer(async (request, response) => {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const hasBody = request.method === 'POST';
  const answer = await handler.fetch(new Request(`http://127.0.0.1${request.url}`, {
    method: request.method,
    headers: request.headers,
    body: hasBody ? Readable.toWeb(request) : undefined,
    duplex: hasBody ? 'half' : undefined,
    signal: gone.signal,
  }));
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (answer.body) {
    Readable.fromWeb(answer.body).on('error', () => response.destroy()).pipe(response);
  } else {
    response.end();
  }
}).listen(Number(process.env.PORT), '127.0.0.1');
