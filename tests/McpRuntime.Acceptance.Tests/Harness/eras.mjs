// node eras.mjs MODULES URL TOKEN: the TypeScript SDK's clients of both eras list tools, call one with progress, and say what they negotiated.
const [, , modules, url, token] = process.argv;
const { Client, StreamableHTTPClientTransport } = await import(`${modules}/@modelcontextprotocol/client/dist/index.mjs`);

async function era(versionNegotiation) {
  const client = new Client({ name: 'eras', version: '1' }, { capabilities: {}, versionNegotiation });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${token}` } } }));
  const { tools } = await client.listTools();
  const { content } = await client.callTool({ name: 'echo', arguments: { message: 'both eras' } });
  const progress = [];
  await client.callTool({ name: 'trigger-long-running-operation', arguments: { duration: 1, steps: 3 } }, { onprogress: (p) => progress.push(p.progress) });
  const version = client.getNegotiatedProtocolVersion?.() ?? null;
  await client.close();
  return { version, tools: tools.map((tool) => tool.name), text: content[0].text, progress };
}

console.log(JSON.stringify({ legacy: await era({ mode: 'legacy' }), stateless: await era({ mode: { pin: '2026-07-28' } }) }));
