/** What tests of actors start from: a system over a bus in this process, with a clock that stands still. */
import type { Actor, ActorMessage, MessageContext } from "../../src/actors/actor.ts";
import { MemoryDeadLetters } from "../../src/actors/dead-letters.ts";
import { ActorSystem } from "../../src/actors/system.ts";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** A system and its surroundings. */
export function stageSet() {
  const clock = new FakeClock();
  const bus = new MemoryBus({ clock });
  const deadLetters = new MemoryDeadLetters();
  // No chance in back-offs: waits are what the options say.
  const random = (): number => 0;
  const system = new ActorSystem({ bus, clock, deadLetters, random });
  return { clock, bus, deadLetters, system, soon: () => clock.now() + 10_000 };
}

/** A handler as an actor without state. */
export function actor<Body, Reply>(
  onMessage: (message: ActorMessage<Body>, context: MessageContext) => Reply | Promise<Reply>,
): () => Actor<Body, Reply> {
  return () => ({ onMessage });
}

/** An actor whose handlers wait until each is let go; it keeps what came in, in order. */
export function gate() {
  const arrived: unknown[] = [];
  const waiting: (() => void)[] = [];
  let open = false;
  return {
    arrived,
    factory: actor(async (message: ActorMessage) => {
      arrived.push(message.body);
      if (!open) await new Promise<void>((resolve) => waiting.push(resolve));
      return message.body;
    }),
    /** Lets the message in hand go. */
    next: () => waiting.shift()?.(),
    /** Lets this and all later ones go. */
    openAll: () => {
      open = true;
      for (const resolve of waiting.splice(0)) resolve();
    },
  };
}
