#include "pickle_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <span>
#include <unordered_map>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "pickle_calls.h"
#include "pickle_objects.h"

namespace nnunet {

namespace {

using pickle::Arena;
using pickle::Calls;
using pickle::Kind;
using pickle::Node;

constexpr const char* kRemedy = "copy or download the file again, or use another checkpoint";

/// Limits what shared objects may grow to when they are written out (a few bytes of pickle can describe gigabytes).
class Budget {
 public:
  Budget(const std::string& name, std::size_t pickle_size)
      : name_(name), left_(limits::pickle_growth_bytes + 64 * pickle_size) {}
  void spend(std::size_t bytes) {
    if (bytes > left_) throw Error(name_, "the file describes far more data than it holds", kRemedy);
    left_ -= bytes;
  }

 private:
  const std::string& name_;
  std::size_t left_;
};

/// The pickle machine: a stack, marks in it and a memo. The opcodes are those of Python's pickletools.
class Machine {
 public:
  Machine(std::string_view bytes, const std::string& name, Arena& arena, Budget& budget)
      : bytes_(bytes),
        name_(name),
        arena_(arena),
        budget_(budget),
        calls_([this](Kind kind) { return make(kind); }, name),
        none_(make(Kind::none)),
        false_(make(Kind::boolean)),
        true_(make(Kind::boolean)) {
    true_->integer = 1;
  }

  Node* run() {
    while (true) {
      const auto opcode = static_cast<unsigned char>(take(1)[0]);
      if (opcode == '.') return pop();
      step(opcode);
    }
  }

 private:
  [[noreturn]] void damaged(const std::string& problem) const {
    throw Error(name_, "the file is damaged: " + problem, kRemedy);
  }

  Node* make(Kind kind) {
    if (arena_.size() >= limits::pickle_objects) throw Error(name_, "the file holds too many objects", kRemedy);
    arena_.emplace_back().kind = kind;
    return &arena_.back();
  }

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - at_) damaged("its description of the data ends too early");
    const std::string_view part = bytes_.substr(at_, count);
    at_ += count;
    return part;
  }

  std::uint64_t take_unsigned(std::size_t width) {
    const std::string_view part = take(width);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) value |= std::uint64_t{static_cast<unsigned char>(part[i])} << (8 * i);
    return value;
  }

  std::string_view take_line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) damaged("its description of the data ends too early");
    const std::string_view line = take(end - at_);
    ++at_;
    return line;
  }

  void push(Node* node) { stack_.push_back(node); }
  Node* top() const {
    if (stack_.empty() || (!marks_.empty() && stack_.size() <= marks_.back()))
      damaged("its description of the data is inconsistent");
    return stack_.back();
  }
  Node* pop() {
    Node* node = top();
    stack_.pop_back();
    return node;
  }
  std::vector<Node*> pop_to_mark() {
    if (marks_.empty()) damaged("its description of the data is inconsistent");
    const auto start = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Node*> items(start, stack_.end());
    stack_.erase(start, stack_.end());
    marks_.pop_back();
    return items;
  }

  void push_integer(std::int64_t value) {
    Node* node = make(Kind::integer);
    node->integer = value;
    push(node);
  }
  void push_text(Kind kind, std::uint64_t length) {
    Node* node = make(kind);
    node->text = take(length);
    push(node);
  }
  void push_sequence(Kind kind, std::vector<Node*> items) {
    Node* node = make(kind);
    node->items = std::move(items);
    push(node);
  }
  void push_tuple(std::size_t count) {
    std::vector<Node*> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    push_sequence(Kind::tuple, std::move(items));
  }

  // Two's complement, little-endian; what does not fit into 64 bits becomes None.
  void push_long(std::uint64_t length) {
    const std::string_view digits = take(length);
    const bool negative = !digits.empty() && (static_cast<unsigned char>(digits.back()) & 0x80U) != 0;
    const char fill = negative ? '\xff' : '\0';
    std::uint64_t bits = negative ? ~std::uint64_t{0} : 0;
    for (std::size_t i = 0; i < std::min<std::size_t>(8, digits.size()); ++i) {
      bits &= ~(std::uint64_t{0xff} << (8 * i));
      bits |= std::uint64_t{static_cast<unsigned char>(digits[i])} << (8 * i);
    }
    const bool fits =
        digits.size() <= 8 || (std::all_of(digits.begin() + 8, digits.end(), [fill](char c) { return c == fill; }) &&
                               ((bits >> 63U) != 0) == negative);
    fits ? push_integer(std::bit_cast<std::int64_t>(bits)) : push(none_);
  }

  void push_global(std::string_view module, std::string_view name) {
    Node* node = make(Kind::global);
    node->text.append(module).append(".").append(name);
    push(node);
  }

  void put(std::uint64_t index) { memo_[index] = top(); }
  void get(std::uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) damaged("its description of the data refers to nothing");
    push(found->second);
  }

  void append(Node* target, const std::vector<Node*>& items) {
    if (target->kind != Kind::list && target->kind != Kind::object) damaged("it appends to something that is no list");
    target->items.insert(target->items.end(), items.begin(), items.end());
  }
  void set_items(Node* target, const std::vector<Node*>& items) {
    if ((target->kind != Kind::dict && target->kind != Kind::object) || items.size() % 2 != 0)
      damaged("it sets entries of something that is no dict");
    auto& entries = target->kind == Kind::dict ? target->items : target->entries;
    entries.insert(entries.end(), items.begin(), items.end());
  }

  void spend_on_copy(const Node& node) { budget_.spend((1 + node.items.size()) * sizeof(Node*) + node.text.size()); }

  void call() {
    const Node* arguments = pop();
    if (arguments->kind != Kind::tuple) damaged("a call has no arguments");
    Node* callable = pop();
    // Arguments may be shared between calls, each of which copies them, perhaps those of a call within.
    for (const Node* argument : arguments->items) {
      spend_on_copy(*argument);
      for (const Node* inner : argument->items) spend_on_copy(*inner);
    }
    push(calls_.call(callable, arguments->items));
  }

  void step(unsigned char opcode) {
    if (!step_plain(opcode) && !step_container(opcode) && !step_object(opcode))
      damaged(fmt::format("its description of the data holds the unknown code {:#04x}", opcode));
  }

  bool step_plain(unsigned char opcode) {
    switch (opcode) {
      case 0x80:
        take(1);
        return true;  // PROTO
      case 0x95:
        take(8);
        return true;  // FRAME
      case 'N':
        push(none_);
        return true;  // NONE
      case 0x88:
        push(true_);
        return true;  // NEWTRUE
      case 0x89:
        push(false_);
        return true;  // NEWFALSE
      case 'K':
        push_integer(static_cast<std::int64_t>(take_unsigned(1)));
        return true;  // BININT1
      case 'M':
        push_integer(static_cast<std::int64_t>(take_unsigned(2)));
        return true;  // BININT2
      case 'J':
        push_integer(static_cast<std::int32_t>(take_unsigned(4)));
        return true;  // BININT
      case 0x8a:
        push_long(take_unsigned(1));
        return true;  // LONG1
      case 0x8b:
        push_long(take_unsigned(4));
        return true;  // LONG4
      case 'G':
        push_real();
        return true;  // BINFLOAT
      case 0x8c:
        push_text(Kind::text, take_unsigned(1));
        return true;  // SHORT_BINUNICODE
      case 'X':
        push_text(Kind::text, take_unsigned(4));
        return true;  // BINUNICODE
      case 0x8d:
        push_text(Kind::text, take_unsigned(8));
        return true;  // BINUNICODE8
      case 'U':
        push_text(Kind::text, take_unsigned(1));
        return true;  // SHORT_BINSTRING (Python 2)
      case 'T':
        push_text(Kind::text, take_unsigned(4));
        return true;  // BINSTRING (Python 2)
      case 'C':
        push_text(Kind::bytes, take_unsigned(1));
        return true;  // SHORT_BINBYTES
      case 'B':
        push_text(Kind::bytes, take_unsigned(4));
        return true;  // BINBYTES
      case 0x8e:
      case 0x96:
        push_text(Kind::bytes, take_unsigned(8));
        return true;  // BINBYTES8, BYTEARRAY8
      default:
        return false;
    }
  }

  // Big-endian, unlike everything else.
  void push_real() {
    const std::string_view part = take(8);
    std::uint64_t bits = 0;
    for (const char c : part) bits = bits << 8U | static_cast<unsigned char>(c);
    Node* node = make(Kind::real);
    node->real = std::bit_cast<double>(bits);
    push(node);
  }

  bool step_container(unsigned char opcode) {
    switch (opcode) {
      case '(':
        marks_.push_back(stack_.size());
        return true;  // MARK
      case '1':
        pop_to_mark();
        return true;  // POP_MARK
      case '0':
        pop();
        return true;  // POP
      case '2':
        push(top());
        return true;  // DUP
      case ')':
        push_tuple(0);
        return true;  // EMPTY_TUPLE
      case 0x85:
        push_tuple(1);
        return true;  // TUPLE1
      case 0x86:
        push_tuple(2);
        return true;  // TUPLE2
      case 0x87:
        push_tuple(3);
        return true;  // TUPLE3
      case 't':
        push_sequence(Kind::tuple, pop_to_mark());
        return true;  // TUPLE
      case ']':
      case 0x8f:
        push_sequence(Kind::list, {});
        return true;  // EMPTY_LIST, EMPTY_SET
      case 'l':
      case 0x91:
        push_sequence(Kind::list, pop_to_mark());
        return true;  // LIST, FROZENSET
      case '}':
        push_sequence(Kind::dict, {});
        return true;  // EMPTY_DICT
      case 'd': {
        auto items = pop_to_mark();
        push_sequence(Kind::dict, {});
        set_items(top(), items);
        return true;
      }  // DICT
      case 'a': {
        Node* item = pop();
        append(top(), {item});
        return true;
      }  // APPEND
      case 'e':
      case 0x90: {
        const auto items = pop_to_mark();
        append(top(), items);
        return true;
      }  // APPENDS, ADDITEMS
      case 's': {
        Node* value = pop();
        Node* key = pop();
        set_items(top(), {key, value});
        return true;
      }  // SETITEM
      case 'u': {
        const auto items = pop_to_mark();
        set_items(top(), items);
        return true;
      }  // SETITEMS
      case 'q':
        put(take_unsigned(1));
        return true;  // BINPUT
      case 'r':
        put(take_unsigned(4));
        return true;  // LONG_BINPUT
      case 0x94:
        put(memo_.size());
        return true;  // MEMOIZE
      case 'h':
        get(take_unsigned(1));
        return true;  // BINGET
      case 'j':
        get(take_unsigned(4));
        return true;  // LONG_BINGET
      default:
        return false;
    }
  }

  bool step_object(unsigned char opcode) {
    switch (opcode) {
      case 'c': {  // GLOBAL
        const auto module = take_line();
        push_global(module, take_line());
        return true;
      }
      case 0x93: {  // STACK_GLOBAL
        const Node* name = pop();
        const Node* module = pop();
        if (name->kind != Kind::text || module->kind != Kind::text) damaged("a class has no name");
        push_global(module->text, name->text);
        return true;
      }
      case 0x92:
        pop();
        call();
        return true;  // NEWOBJ_EX: keyword arguments are dropped
      case 'R':
      case 0x81:
        call();
        return true;  // REDUCE, NEWOBJ
      case 'Q':
        push(calls_.storage(pop()));
        return true;  // BINPERSID
      case 'b': {     // BUILD
        Node* state = pop();
        Node* object = top();
        if (object->kind == Kind::object) object->state = state;
        return true;
      }
      default:
        return false;
    }
  }

  std::string_view bytes_;
  const std::string& name_;
  Arena& arena_;
  Budget& budget_;
  Calls calls_;
  Node *none_, *false_, *true_;
  std::size_t at_ = 0;
  std::vector<Node*> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, Node*> memo_;
};

/// Turns the objects reachable from the root into values.
class Values {
 public:
  Values(const std::string& name, Budget& budget, const StorageLoader& load_storage, const WantedKeys& wanted)
      : name_(name), budget_(budget), load_storage_(load_storage), wanted_(wanted) {}

  Value convert(Node* node, int depth = 0) {
    if (depth > limits::pickle_depth)
      throw Error(name_, fmt::format("its data are nested deeper than {} levels", limits::pickle_depth), kRemedy);
    budget_.spend(sizeof(Value) + node->text.size());
    switch (node->kind) {
      case Kind::boolean:
        return node->integer != 0;
      case Kind::integer:
        return node->integer;
      case Kind::real:
        return node->real;
      case Kind::text:
      case Kind::bytes:
        return node->text;
      case Kind::tensor:
        return tensor(*node);
      case Kind::list:
      case Kind::tuple:
      case Kind::dict:
      case Kind::object:
        break;
      case Kind::none:
      case Kind::global:
      case Kind::storage:
        return {};
    }
    if (node->visiting) return {};
    node->visiting = true;
    Value value = node->kind == Kind::dict     ? Value(dict(node->items, depth))
                  : node->kind == Kind::object ? object(*node, depth)
                                               : Value(list(node->items, depth));
    node->visiting = false;
    return value;
  }

 private:
  HostTensor tensor(const Node& node) const {
    HostTensor made = node.tensor;
    if (node.integer > 0) made.storage = load_storage_(node.text, node.integer);
    return made;
  }

  Value::List list(const std::vector<Node*>& items, int depth) {
    Value::List values;
    for (Node* item : items) values.push_back(convert(item, depth + 1));
    return values;
  }

  static std::optional<std::string> key_text(const Node& key) {
    switch (key.kind) {
      case Kind::text:
      case Kind::bytes:
        return key.text;
      case Kind::integer:
        return std::to_string(key.integer);
      case Kind::real:
        return fmt::format("{}", key.real);
      case Kind::boolean:
        return key.integer != 0 ? "True" : "False";
      case Kind::none:
        return "None";
      default:
        return std::nullopt;
    }
  }

  Value::Dict dict(const std::vector<Node*>& items, int depth) {
    Value::Dict values;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      auto key = key_text(*items[i]);
      if (!key) continue;
      budget_.spend(sizeof(std::string) + key->size());
      Value value = depth > 0 || !wanted_ || wanted_(*key) ? convert(items[i + 1], depth + 1) : Value();
      values.emplace_back(std::move(*key), std::move(value));
    }
    return values;
  }

  /// What an object of an unknown class holds: its entries if it is a kind of dict, its attributes, its items if a kind
  /// of list.
  Value object(const Node& node, int depth) {
    Value::Dict values = dict(node.entries, depth);
    const auto add_attributes = [&](const Node* state) {
      if (state == nullptr || state->kind != Kind::dict) return;
      for (auto& entry : dict(state->items, depth)) values.push_back(std::move(entry));
    };
    add_attributes(node.state);
    // Classes with __slots__: a pair of dicts, each of which may be None.
    if (node.state != nullptr && node.state->kind == Kind::tuple && node.state->items.size() == 2)
      for (const Node* part : node.state->items) add_attributes(part);
    if (!values.empty()) return values;
    if (!node.items.empty()) return list(node.items, depth);
    return {};
  }

  const std::string& name_;
  Budget& budget_;
  const StorageLoader& load_storage_;
  const WantedKeys& wanted_;
};

}  // namespace

Value read_pickle(std::string_view bytes, const std::string& name, const StorageLoader& load_storage,
                  const WantedKeys& wanted) {
  Arena arena;
  Budget budget(name, bytes.size());
  Node* root = Machine(bytes, name, arena, budget).run();
  return Values(name, budget, load_storage, wanted).convert(root);
}

pickle::Node* pickle::read_objects(std::string_view bytes, const std::string& name, Arena& arena) {
  Budget budget(name, bytes.size());
  return Machine(bytes, name, arena, budget).run();
}

}  // namespace nnunet
