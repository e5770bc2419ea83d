/** The numbers of the ENUM benchmark in a database, as PowerDNS has records in one (its backend gsqlite3). */
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { nameOf, numberOf, TREE, uriOf } from './enum-numbers.ts'

/** Of the Debian package pdns-backend-sqlite3. */
export const SQLITE_SCHEMA = '/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql'

export function writeSqlite(path: string, count: number): void {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF')
  const schema = readFileSync(SQLITE_SCHEMA, 'utf8')
  // Indexes are made at the end, which takes less than keeping them meanwhile.
  const isIndex = (statement: string): boolean => /^\s*CREATE (UNIQUE )?INDEX/i.test(statement)
  const statements = schema.split(';').filter((statement) => statement.trim() !== '')
  for (const statement of statements.filter((one) => !isIndex(one))) database.exec(statement)
  database.exec(`INSERT INTO domains (id, name, type) VALUES (1, '${TREE}', 'NATIVE')`)
  const insert = database.prepare(
    'INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth) VALUES (1, ?, ?, ?, 3600, 0, 0, 1)',
  )
  database.exec('BEGIN')
  insert.run(TREE, 'SOA', `ns1.${TREE} hostmaster.${TREE} 1 3600 600 86400 60`)
  insert.run(TREE, 'NS', `ns1.${TREE}`)
  insert.run(`ns1.${TREE}`, 'A', '127.0.0.1')
  for (let i = 0; i < count; i++)
    insert.run(nameOf(numberOf(i)), 'NAPTR', `100 10 "u" "E2U+sip" "!^.*$!${uriOf(i)}!" .`)
  database.exec('COMMIT')
  for (const statement of statements.filter(isIndex)) database.exec(statement)
  database.close()
}
