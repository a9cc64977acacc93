/** A thread that says what it may do. */
const thread = globalThis as unknown as {
  onmessage: (event: MessageEvent<Deno.PermissionDescriptor[]>) => void;
  postMessage(states: string[]): void;
};

thread.onmessage = ({ data }) => {
  thread.postMessage(
    data.map((descriptor) => Deno.permissions.querySync(descriptor).state),
  );
};
