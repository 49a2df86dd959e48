// The typed client: every path, body and answer comes from schema.d.ts, which is generated.

import createClient, { type Client } from "openapi-fetch";
import type { paths } from "./schema.js";

export type Shop = Client<paths>;

/** Open a client of a service; without a key where it serves this machine alone. */
export function openShop(baseUrl: string, key?: string): Shop {
  return createClient<paths>({
    baseUrl,
    headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
  });
}
