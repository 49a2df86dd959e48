// A wish, its limit, and what was taken: node dist/example.js http://127.0.0.1:8000 [KEY]

import { openShop } from "./client.js";

declare const process: { argv: string[] };
const [, , address = "http://127.0.0.1:8000", key] = process.argv;
const shop = openShop(address, key);

const begun = await shop.POST("/v1/sessions");
if (!begun.data) throw new Error(JSON.stringify(begun.error));
const path = { session_id: begun.data.session_id };

let slate: string | null = null;
let first: string | undefined;
for (const message of ["something for my kitchen", "under 50"]) {
  const turn = await shop.POST("/v1/sessions/{session_id}/chat", {
    params: { path },
    body: { message },
  });
  if (!turn.data) throw new Error(JSON.stringify(turn.error));
  console.log(turn.data.text);
  slate = turn.data.slate_id;
  first = turn.data.cards[0]?.item_id;
}
if (slate !== null && first !== undefined) {
  const told = await shop.POST("/v1/slates/{slate_id}/feedback", {
    params: { path: { slate_id: slate } },
    body: { chosen: first },
  });
  console.log(told.data?.state ?? told.error);
}
