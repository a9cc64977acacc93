/**
 * The schema as JSON: the page checks and completes filters by it, and knows no
 * dissector.
 */
import { Field, type FieldMap, type FieldShape } from "../entry/field.ts";
import { type ProtocolSchema, Schema } from "../entry/schema.ts";

/** What the hub sends of its schema. Plain data. */
export type SchemaMessage = readonly ProtocolSchema[];

/** What JSON is made of. */
export function toSchemaMessage(schema: Schema): SchemaMessage {
  return schema.protocols.map((protocol) => ({
    name: protocol.name,
    ...protocol.aliases && { aliases: protocol.aliases },
    ...protocol.is && { is: protocol.is },
    ...protocol.versions && { versions: protocol.versions },
    doc: protocol.doc,
    spec: protocol.spec,
    transports: protocol.transports,
    fields: protocol.fields,
  }));
}

/** The schema that a hub has sent. It is trusted: the page came from there. */
export function fromSchemaMessage(message: SchemaMessage): Schema {
  return new Schema(message.map((protocol) => ({
    ...protocol,
    fields: {
      ...protocol.fields.request &&
        { request: toFields(protocol.fields.request) },
      ...protocol.fields.response &&
        { response: toFields(protocol.fields.response) },
    },
  })));
}

/** Fields again, of what is left of them in JSON. */
function toFields(fields: FieldMap): FieldMap {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, toField(field)]),
  );
}

function toField(shape: FieldShape): Field {
  return new Field({
    ...shape,
    item: shape.item && toField(shape.item),
    fields: shape.fields && toFields(shape.fields),
  });
}
