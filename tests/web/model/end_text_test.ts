import { equal } from "node:assert/strict";
import { describeEnd } from "../../../web/model/end_text.ts";

Deno.test("an end with names is told with its address", () => {
  equal(
    describeEnd({
      ip: "fd00::7",
      port: 80,
      name: "carts.shop",
      pod: "carts-0",
      service: "carts",
      namespace: "shop",
    }),
    "carts.shop\npod carts-0\nservice carts\nnamespace shop\n[fd00::7]:80",
  );
});

Deno.test("an address alone needs no further words", () => {
  equal(describeEnd({ ip: "10.1.0.7", port: 80 }), undefined);
});

Deno.test("a name from the wire is told as it is", () => {
  equal(
    describeEnd({ ip: "10.1.0.7", name: "a\nb\u202e" }),
    "a‹LF›b‹202E›\n10.1.0.7",
  );
});
