/** Commands and replies as they are saved: plain data. */
import type { Message } from "../dissector.ts";
import type { Command, Reply } from "./doubt.ts";
import type { Kind } from "./kinds.ts";
import { RedisCommand, RedisReply } from "./message.ts";

/** A reply. */
export interface SavedMessage {
  readonly bytes: Uint8Array;
  readonly message: Omit<Message, "values">;
  readonly isCut: boolean;
}

/** A command. */
export interface SavedCommand extends SavedMessage {
  readonly kind: Kind;
}

/** A command, to be saved. */
export function toSavedCommand(
  { values, kind, isCut, ...message }: Command,
): SavedCommand {
  return { bytes: values.bytes, message, kind, isCut };
}

/** A command that was saved, in bytes of its own. */
export function fromSavedCommand(
  { bytes, message, kind, isCut }: SavedCommand,
): Command {
  const values = new RedisCommand(bytes.slice(), 0, bytes.length);
  return { ...message, values, kind, isCut };
}

/** A reply, to be saved. */
export function toSavedReply(
  { values, isCut, ...message }: Reply,
): SavedMessage {
  return { bytes: values.bytes, message, isCut };
}

/** A reply that was saved, in bytes of its own. */
export function fromSavedReply({ bytes, message, isCut }: SavedMessage): Reply {
  const values = new RedisReply(bytes.slice(), 0, bytes.length);
  return { ...message, values, isCut };
}
