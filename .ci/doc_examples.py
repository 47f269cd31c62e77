#!/usr/bin/env python3
"""doc_examples.py FILE: checks that every public item is used in an example of the documentation.

FILE is rustdoc's JSON of the crate. An item is used if it has an example of its own; a type, trait or function also
if its name is in any program of the documentation, a method if it is called there. Constants are exempt, what
`bitflags!` makes, and EXEMPT.
"""
import json, re, sys

BITFLAGS = {'PollEvents', 'RwFlags'}
EXEMPT = {'linux_aio::IoBuf::io_suits'}  # for types like `Buf`, which the library has

crate = json.load(open(sys.argv[1]))
index = crate['index']
missing, count = set(), 0


def programs_of(item):
    blocks = re.findall(r'^```(.*?)\n(.*?)^```', item.get('docs') or '', re.M | re.S)
    return [code for info, code in blocks if info.split(',')[0] in ('', 'rust', 'no_run', 'should_panic')]


programs = '\n'.join(code for item in index.values() for code in programs_of(item))


def used(item, pattern, path):
    global count
    count += 1
    if not programs_of(item) and not re.search(pattern, programs):
        missing.add(path)


def methods(items, path):
    for item in map(lambda number: index.get(str(number)), items):
        if item and 'function' in item['inner'] and item['visibility'] in ('public', 'default'):
            used(item, r'(\.|::|\bfn )%s\b' % item['name'], f"{path}::{item['name']}")


def walk(number, path):
    item = index.get(str(number))
    if not item:
        return
    (kind, inner), = item['inner'].items()
    if kind == 'use':
        return walk(inner['id'], path)
    path = item['name'] if number == crate['root'] else f"{path}::{item['name']}"
    if kind == 'module':
        if item['name'] != 'guide':
            for each in inner['items']:
                walk(each, path)
    elif item['visibility'] == 'public' and kind in ('struct', 'enum', 'union', 'trait', 'function'):
        used(item, r'\b%s\b' % item['name'], path)
        if kind == 'trait':
            methods(inner['items'], path)
        elif kind != 'function' and item['name'] not in BITFLAGS:
            for implementation in inner['impls']:
                block = index[str(implementation)]['inner']['impl']
                if block['trait'] is None:
                    methods(block['items'], path)


walk(crate['root'], '')
for path in sorted(missing - EXEMPT):
    print(f'no example uses {path}')
if count < 200:
    print(f'only {count} items were found')
sys.exit(bool(missing - EXEMPT) or count < 200)
