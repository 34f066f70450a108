/* links: plait_symbolize */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "symbolize/demangle.h"

static void check(const char *mangled, const char *readable)
{
	char text[PLAIT_DEMANGLE_MAX];
	assert_true(plait_demangle(mangled, text));
	assert_string_equal(text, readable);
}

static void cpp_names_lose_their_parameters(void **state)
{
	(void)state;
	check("_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back");
	check("_Z3barIiEiT_", "bar<int>");
	check("_ZNK3FooD1Ev", "Foo::~Foo");
	check("_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()");
	check("_ZN3fooEv.cold", "foo");
}

static void rust_names_lose_their_hash(void **state)
{
	(void)state;
	check("_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE", "core::fmt::Formatter::write_str");
	check("_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE.llvm.1234", "core::fmt::Formatter::write_str");
	check("_RNvCskwGfYPst2Cb_3foo16example_function", "foo::example_function");
}

static void plain_names_are_left_alone(void **state)
{
	(void)state;
	char text[PLAIT_DEMANGLE_MAX];
	static const char *const plain[] = {
		"main", "", "_", "_Z", "_R", "_Zx", "__Z3foov", "_PyEval_EvalFrameDefault"
	};
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		assert_false(plait_demangle(plain[i], text));
}

/* Each argument is twice as long as the one before, by references back: 2^40 characters if nobody stops it. */
static void exploding_names_are_stopped(void **state)
{
	(void)state;
	char text[PLAIT_DEMANGLE_MAX];
	check("_Z1fI1a1pIS0_S0_ES1_IS2_S2_EEvv", "f<a, p<a, a>, p<p<a, a>, p<a, a> > >");
	assert_false(plait_demangle(
		"_Z1fI1a1pIS0_S0_E"
		"S1_IS2_S2_ES1_IS3_S3_ES1_IS4_S4_ES1_IS5_S5_ES1_IS6_S6_ES1_IS7_S7_ES1_IS8_S8_ES1_IS9_S9_E"
		"S1_ISA_SA_ES1_ISB_SB_ES1_ISC_SC_ES1_ISD_SD_ES1_ISE_SE_ES1_ISF_SF_ES1_ISG_SG_ES1_ISH_SH_E"
		"S1_ISI_SI_ES1_ISJ_SJ_ES1_ISK_SK_ES1_ISL_SL_ES1_ISM_SM_ES1_ISN_SN_ES1_ISO_SO_ES1_ISP_SP_E"
		"S1_ISQ_SQ_ES1_ISR_SR_ES1_ISS_SS_ES1_IST_ST_ES1_ISU_SU_ES1_ISV_SV_ES1_ISW_SW_ES1_ISX_SX_ES1_ISY_SY_ES1_"
		"ISZ_SZ_E"
		"Evv",
		text));
	check("_RINvC1a1bTuuETB7_B7_EE", "a::b::<((), ()), (((), ()), ((), ()))>");
	assert_false(plait_demangle(
		"_RINvC1a1bTuuETB7_B7_ETBb_Bb_ETBj_Bj_ETBr_Br_ETBz_Bz_ETBH_BH_ETBP_BP_ETBX_BX_ETB15_B15_E"
		"TB1d_B1d_ETB1n_B1n_ETB1x_B1x_ETB1H_B1H_ETB1R_B1R_ETB21_B21_ETB2b_B2b_ETB2l_B2l_ETB2v_B2v_ETB2F_B2F_E"
		"TB2P_B2P_ETB2Z_B2Z_ETB39_B39_ETB3j_B3j_ETB3t_B3t_ETB3D_B3D_ETB3N_B3N_ETB3X_B3X_ETB47_B47_ETB4h_B4h_E"
		"TB4r_B4r_ETB4B_B4B_ETB4L_B4L_ETB4V_B4V_ETB55_B55_ETB5f_B5f_ETB5p_B5p_ETB5z_B5z_ETB5J_B5J_EE",
		text));
}

static void long_names_are_refused(void **state)
{
	(void)state;
	char *name = malloc(1 << 20), text[PLAIT_DEMANGLE_MAX];
	memset(name, 'P', 1 << 20);
	memcpy(name, "_Z1f", 4);
	name[(1 << 20) - 1] = 0;
	assert_false(plait_demangle(name, text));
	free(name);
	char deep[PLAIT_DEMANGLE_MAX] = "_Z1f";
	memset(deep + 4, 'P', sizeof(deep) - 6);
	deep[sizeof(deep) - 2] = 'i';
	if (plait_demangle(deep, text))
		assert_true(strlen(text) < PLAIT_DEMANGLE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpp_names_lose_their_parameters), cmocka_unit_test(rust_names_lose_their_hash),
		cmocka_unit_test(plain_names_are_left_alone),	   cmocka_unit_test(exploding_names_are_stopped),
		cmocka_unit_test(long_names_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
