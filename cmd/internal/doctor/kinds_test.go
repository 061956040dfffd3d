package doctor_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/cmd/internal/doctor"
	"github.com/stretchr/testify/require"
)

// kind is a place in the package's sources that makes a finding which is not green.
type kind struct {
	at    token.Position
	level doctor.Level
	// What its findings say. What the sources leave open is open here.
	check, remedy, measured *regexp.Regexp
	met                     bool
}

type kinds []*kind

// meet marks the kinds that a finding can be of, and returns how many there are.
func (all kinds) meet(f *doctor.Finding) (n int) {
	for _, k := range all {
		if f.Level == k.level && f.Remedy != nil && k.check.MatchString(f.Check) && k.remedy.MatchString(*f.Remedy) && k.measured.MatchString(f.Measured) {
			k.met = true
			n++
		}
	}
	return n
}

// kindsOf reads the package's sources: whatever is not green is made by calls of bad.
func kindsOf(t *testing.T) kinds {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var out kinds
	files := token.NewFileSet()
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Name.Name == "bad" || f.Name.Name == "green" {
				continue
			}
			named := scopeOf(f)
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CompositeLit:
					if name, ok := n.Type.(*ast.Ident); ok && name.Name == "Finding" {
						t.Errorf("%s: a finding is made by green or bad, so that this test finds it", files.Position(n.Pos()))
					}
				case *ast.CallExpr:
					if name, ok := n.Fun.(*ast.Ident); !ok || name.Name != "bad" {
						return true
					}
					level, known := map[string]doctor.Level{"Red": doctor.Red, "Yellow": doctor.Yellow}[n.Args[0].(*ast.Ident).Name]
					if !known {
						t.Errorf("%s: the level is not a constant, so that two findings look like one", files.Position(n.Pos()))
					}
					out = append(out, &kind{
						at: files.Position(n.Pos()), level: level,
						check: named.regexp(n.Args[1]), remedy: named.regexp(n.Args[2]), measured: whole(named.format(n.Args[3:])),
					})
				}
				return true
			})
		}
	}
	require.Greater(t, len(out), 40)
	return out
}

// scope is what the names of a function stand for. It lacks those that are given another
// value later.
type scope map[string]ast.Expr

func scopeOf(f *ast.FuncDecl) scope {
	named, changed := make(scope), make(map[string]bool)
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, value := range n.Values {
				named[n.Names[i].Name] = value
			}
		case *ast.AssignStmt:
			for i, e := range n.Lhs {
				name, ok := e.(*ast.Ident)
				switch {
				case !ok:
				case n.Tok != token.DEFINE:
					changed[name.Name] = true
				case len(n.Lhs) == len(n.Rhs):
					named[name.Name] = n.Rhs[i]
				}
			}
		}
		return true
	})
	for name := range changed {
		delete(named, name)
	}
	return named
}

// whole matches a whole text.
func whole(pattern string) *regexp.Regexp { return regexp.MustCompile("(?s)^" + pattern + "$") }

func (s scope) regexp(e ast.Expr) *regexp.Regexp { return whole(s.pattern(e)) }

// open is what can be anything.
const open = ".*"

// pattern is what an expression can come to.
func (s scope) pattern(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return regexp.QuoteMeta(text)
		}
	case *ast.Ident:
		if value, known := s[e.Name]; known {
			return s.pattern(value)
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return s.pattern(e.X) + s.pattern(e.Y)
		}
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
			return s.format(e.Args)
		}
	}
	return open
}

var verb = regexp.MustCompile(`%[-+# 0]*[0-9.]*[a-zA-Z]`)

// format is what a format comes to with its arguments.
func (s scope) format(args []ast.Expr) string {
	literal, ok := args[0].(*ast.BasicLit)
	if !ok {
		return open
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return open
	}
	var out strings.Builder
	for i, part := range verb.Split(text, -1) {
		if i > 0 {
			out.WriteString(s.pattern(args[i]))
		}
		out.WriteString(regexp.QuoteMeta(part))
	}
	return out.String()
}
