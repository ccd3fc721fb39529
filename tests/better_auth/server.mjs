// A Better Auth server for tests, on 127.0.0.1: e-mail and password, tokens by its jwt plugin.
// One argument, a JSON object: `port`, `database` (a file), `uuid` (ids are UUIDs), `jwt` (the plugin's options).
import { createServer } from "node:http";
import Database from "better-sqlite3";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { bearer, jwt } from "better-auth/plugins";

const given = JSON.parse(process.argv[2]);
const options = {
  baseURL: `http://127.0.0.1:${given.port}`,
  secret: process.env.BETTER_AUTH_SECRET,
  database: new Database(given.database),
  emailAndPassword: { enabled: true },
  plugins: [bearer(), jwt(given.jwt)],
  telemetry: { enabled: false },
  ...(given.uuid && { advanced: { database: { generateId: "uuid" } } }),
};

await (await getMigrations(options)).runMigrations();
createServer(toNodeHandler(betterAuth(options))).listen(given.port, "127.0.0.1", () => console.log("ready"));
