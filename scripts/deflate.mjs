// Deflates standard input by zopfli, to standard output. A program of its own: zopfli's module answers every error of its process with its own text.
import { buffer } from "node:stream/consumers";
import { deflateAsync } from "@gfx/zopfli";

process.stdout.write(await deflateAsync(await buffer(process.stdin), { numiterations: 15 }));
