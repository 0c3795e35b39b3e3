// An SQS-compatible server on a free port of loopback, for tests. It says its
// address in one line, and stops when its standard input ends: so it is gone as
// soon as the test binary is, however that ends.
import { buildApp } from "fauxqs";

const app = buildApp({ logger: false, host: "127.0.0.1", defaultRegion: "eu-west-1" });
console.log(await app.listen({ host: "127.0.0.1", port: 0 }));
process.stdin.resume().on("end", () => process.exit(0));
