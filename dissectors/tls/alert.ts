/** Alerts in clear (RFC 8446 §6, with those of its predecessors). */

/** An alert, as an entry shows it. */
export interface Alert {
  readonly level: "warning" | "fatal";
  readonly description: string;
}

/** The description that ends a connection without an error. */
const CLOSE_NOTIFY = 0;

/**
 * Descriptions as RFC 8446 §6 names them; those that it calls reserved, and
 * those of extensions, as the RFC that defined them does.
 */
const DESCRIPTIONS = new Map([
  [CLOSE_NOTIFY, "close_notify"],
  [1, "end_of_early_data"],
  [10, "unexpected_message"],
  [20, "bad_record_mac"],
  [21, "decryption_failed"],
  [22, "record_overflow"],
  [30, "decompression_failure"],
  [40, "handshake_failure"],
  [41, "no_certificate"],
  [42, "bad_certificate"],
  [43, "unsupported_certificate"],
  [44, "certificate_revoked"],
  [45, "certificate_expired"],
  [46, "certificate_unknown"],
  [47, "illegal_parameter"],
  [48, "unknown_ca"],
  [49, "access_denied"],
  [50, "decode_error"],
  [51, "decrypt_error"],
  [52, "too_many_cids_requested"],
  [60, "export_restriction"],
  [70, "protocol_version"],
  [71, "insufficient_security"],
  [80, "internal_error"],
  [86, "inappropriate_fallback"],
  [90, "user_canceled"],
  [100, "no_renegotiation"],
  [109, "missing_extension"],
  [110, "unsupported_extension"],
  [111, "certificate_unobtainable"],
  [112, "unrecognized_name"],
  [113, "bad_certificate_status_response"],
  [114, "bad_certificate_hash_value"],
  [115, "unknown_psk_identity"],
  [116, "certificate_required"],
  [117, "general_error"],
  [120, "no_application_protocol"],
  [121, "ech_required"],
]);

const LEVELS = [undefined, "warning", "fatal"] as const;

/**
 * The alert that two bytes are; `undefined` where they are none, so that what
 * was taken for an alert is something encrypted.
 */
export function toAlert(level: number, description: number): Alert | undefined {
  const name = LEVELS[level];
  return name && {
    level: name,
    description: DESCRIPTIONS.get(description) ?? String(description),
  };
}

/** Whether the end that sent it has nothing more to say (RFC 8446 §6). */
export function isLast(alert: Alert): boolean {
  return alert.level === "fatal" || alert.description === "close_notify";
}

/** The one of two alerts of the same end that tells more. */
export function graver(first: Alert | undefined, then: Alert): Alert {
  if (first === undefined) return then;
  return first.level === "warning" && then.level === "fatal" ? then : first;
}
