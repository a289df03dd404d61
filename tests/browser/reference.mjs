// The reference server, and its target file.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';

/** Starts the server in a folder, writes its target file to `config`, and ends it when `use` is done. */
export async function withReference(folder, config, use) {
  const server = spawn(process.env.GRANTLINT, ['serve'], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const entry = await new Promise((done, refuse) => {
      let text = '';
      server.on('exit', () => refuse(new Error('grantlint serve ended')));
      server.stdout.on('data', (part) => {
        text += part;
        // The entry ends where its first line's brace does.
        const end = text.indexOf('\n}\n');
        if (end >= 0) done(text.slice(0, end + 3).replace(/^#.*\n/gm, ''));
      });
    });
    await writeFile(config, entry);
    await use();
  } finally {
    server.kill();
  }
}
